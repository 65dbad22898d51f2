#ifndef XNORSR_PORTS_H_
#define XNORSR_PORTS_H_

#include "xnorsr_common.h"

// The word of a pixel at a port of the top function. P is a Pixels type. Inside, channel 0 is in the low bits.
//   GBR = false: at the port as well.
//   GBR = true:  P has three channels R, G, B, and the port has G in the low bits, then B, then R, as AMD's UG934 asks:
//                the word inside turned round by one channel.
// read_port and write_port copy PIXELS words between a port and a stream, one in each cycle.

namespace xnorsr {

template <class P, bool GBR> struct Port {
    static_assert(!GBR || P::C == 3, "three channels have the order G, B, R");
    typedef typename P::word word;
    static const int WORD = P::WORD;
    static const int ONE = GBR ? P::BITS : 0, TWO = GBR ? 2 * P::BITS : 0;

    static word from(const word &at_port) {
        XNORSR_PRAGMA(HLS INLINE)
        return GBR ? word((at_port << ONE) | (at_port >> TWO)) : at_port;
    }
    static word to(const word &inside) {
        XNORSR_PRAGMA(HLS INLINE)
        return GBR ? word((inside >> ONE) | (inside << TWO)) : inside;
    }
    template <class T> static word pack(const T x[P::C]) { return to(xnorsr::pack<P>(x)); }
    template <class T> static void unpack(const word &at_port, T x[P::C]) { xnorsr::unpack<P>(from(at_port), x); }
};

template <class PORT, int PIXELS>
void read_port(hls::stream<typename PORT::word> &port, hls::stream<typename PORT::word> &pixels) {
pixel:
    for (int t = 0; t < PIXELS; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        pixels.write(PORT::from(port.read()));
    }
}

template <class PORT, int PIXELS>
void write_port(hls::stream<typename PORT::word> &pixels, hls::stream<typename PORT::word> &port) {
pixel:
    for (int t = 0; t < PIXELS; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        port.write(PORT::to(pixels.read()));
    }
}

} // namespace xnorsr

#endif
