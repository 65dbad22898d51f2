#ifndef XNORSR_VIDEO_H_
#define XNORSR_VIDEO_H_

#include "xnorsr_ports.h"

#if defined(__has_include)
#if __has_include("ap_axi_sdata.h")
#include "ap_axi_sdata.h"
#define XNORSR_HAS_AXI
#endif
#endif
#ifndef XNORSR_HAS_AXI
// The vendor's beat of an AXI4-Stream, where its header is not there: plain C-simulation.
template <int D, int U, int TI, int TD> struct ap_axiu {
    ap_uint<D> data;
    ap_uint<D / 8> keep, strb;
    ap_uint<U> user;
    ap_uint<1> last;
};
#endif

// AXI4-Stream video at the ports: a pixel per beat, tuser with the first pixel of a frame, tlast with the last one of each
// line. PORT is a Port; its word, in the port's order of channels, stands in the low bits of whole bytes, zeros above.
//
// read_video gives the PIXELS words of one frame. With COUNTED = false a frame begins with the beat that has tuser:
// beats before it are dropped, and a frame that the next one's first beat cuts off is completed with zeros. With COUNTED =
// true, tuser is not looked at: the first pixel after reset, then every PIXELS pixels. tlast of the input is not looked at.
// write_video gives tuser and tlast of frames that are W pixels wide. Both: one beat per cycle.

namespace xnorsr {

template <class PORT> struct Video {
    static const int BITS = (PORT::WORD + 7) / 8 * 8;
    typedef ap_axiu<BITS, 1, 0, 0> beat;
    static_assert(BITS <= MAX_WORD, "a beat has at most 4096 bits");
};

template <class PORT, int PIXELS, bool COUNTED>
void read_video(hls::stream<typename Video<PORT>::beat> &port, hls::stream<typename PORT::word> &pixels) {
    typedef typename PORT::word word;
    static typename Video<PORT>::beat beat;
    static bool waiting = false; // a frame's first beat that came too early stands in `beat`
    XNORSR_PRAGMA(HLS RESET variable=waiting)
    int count = 0;
beat:
    while (count < PIXELS) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        XNORSR_PRAGMA(HLS LOOP_TRIPCOUNT min=PIXELS max=PIXELS)
        if (!waiting)
            beat = port.read();
        const bool start = !COUNTED && beat.user[0], first = count == 0;
        waiting = start && !first;
        if (!first || start || COUNTED) {
            const word fresh = beat.data.range(PORT::WORD - 1, 0);
            pixels.write(waiting ? word(0) : fresh);
            count++;
        }
    }
}

template <class PORT, int PIXELS, int W>
void write_video(hls::stream<typename PORT::word> &pixels, hls::stream<typename Video<PORT>::beat> &port) {
    typename Counter<W>::type x = 0;
pixel:
    for (int t = 0; t < PIXELS; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        const bool last = x == W - 1;
        typename Video<PORT>::beat beat;
        beat.data = pixels.read();
        beat.keep = -1;
        beat.strb = -1;
        beat.user = t == 0 ? 1 : 0;
        beat.last = last ? 1 : 0;
        port.write(beat);
        x = last ? 0 : int(x) + 1;
    }
}

} // namespace xnorsr

#endif
