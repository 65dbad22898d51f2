#ifndef XNORSR_CONCAT_H_
#define XNORSR_CONCAT_H_

#include "xnorsr_common.h"

// Streams of one frame side by side: y = quant([x0 << SHIFT0, x1 << SHIFT1, ...]).
//
// CFG: parts (a Parts of the inputs, in order), out, H, W, MID_BITS (two's complement bits of the common grid),
//      quant (Requant or Exact).

namespace xnorsr {

template <class PIXELS, int SHIFT_> struct Part {
    typedef PIXELS in;
    static const int SHIFT = SHIFT_;
};
template <class... PARTS> struct Parts {};

template <class CFG, int FIRST, class NUMBER, class OUT>
inline void concat_beat(Parts<>, NUMBER (&mid)[CFG::out::C], OUT &out) {
    XNORSR_PRAGMA(HLS INLINE)
    typename Number<CFG::quant::template Bits<CFG::MID_BITS>::value>::type y[CFG::out::C];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
    for (int c = 0; c < CFG::out::C; c++) {
        XNORSR_PRAGMA(HLS UNROLL)
        y[c] = CFG::quant::template apply<CFG::MID_BITS>(mid[c]);
    }
    out.write(pack<typename CFG::out>(y));
}

// The channels of one input after those of the inputs before it, of which there are FIRST.
template <class CFG, int FIRST, class NUMBER, class PART, class... PARTS, class IN, class... STREAMS>
inline void concat_beat(Parts<PART, PARTS...>, NUMBER (&mid)[CFG::out::C], IN &in, STREAMS &...others) {
    XNORSR_PRAGMA(HLS INLINE)
    typename PART::in::number x[PART::in::C];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=x dim=0 type=complete)
    unpack<typename PART::in>(in.read(), x);
    for (int c = 0; c < PART::in::C; c++) {
        XNORSR_PRAGMA(HLS UNROLL)
        mid[FIRST + c] = NUMBER(x[c]) << PART::SHIFT;
    }
    concat_beat<CFG, FIRST + PART::in::C>(Parts<PARTS...>(), mid, others...);
}

template <class CFG, class... STREAMS> void concat_frame(STREAMS &...streams) {
    XNORSR_PRAGMA(HLS INLINE)
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        typename Number<CFG::MID_BITS>::type mid[CFG::out::C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=mid dim=0 type=complete)
        concat_beat<CFG, 0>(typename CFG::parts(), mid, streams...);
    }
}

// The streams of the inputs, then that of the output.
template <class CFG, class... STREAMS> void concat(STREAMS &...streams) {
#ifdef XNORSR_FAST
    concat_frame<typename CFG::shape>(streams...);
#else
    concat_frame<CFG>(streams...);
#endif
}

} // namespace xnorsr

#endif
