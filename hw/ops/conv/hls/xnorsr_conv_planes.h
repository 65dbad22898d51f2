#ifndef XNORSR_CONV_PLANES_H_
#define XNORSR_CONV_PLANES_H_

#include "xnorsr_conv_mac.h"

// Binary weights, n-bit input, by bit planes: sum = sum over j of +-2**j * (2*popcount(x_j & w) - popcount(x_j)),
// x_j bit j of all synapses, w 1 for +1 and 0 for -1. The highest plane counts negatively where the input is signed.
// Beyond the border x is 0 and contributes nothing.

namespace xnorsr {

#ifdef XNORSR_FAST

template <class CFG, class ROM, class OFFSET_T>
void conv_planes(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
                 const ROM &weight, const OFFSET_T (&bias)[Folding<CFG>::NF][CFG::PE]) {
    // Machine multiply-adds with weights -1 and +1: faster than counting each plane, the same sums.
    convolve<typename CFG::shape, FastMac<typename CFG::shape>>(in, out, weight, bias);
}

#else

template <class CFG> struct PlanesEngine {
    typedef typename CFG::out::number number;
    static const int BITS = CFG::in::BITS;
    typedef ap_uint<BITS> synapse;

    static void load(const typename CFG::in::word &pixel, bool outside, synapse *x) {
        XNORSR_PRAGMA(HLS INLINE)
        for (int c = 0; c < CFG::in::C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const synapse inside = pixel.range((c + 1) * BITS - 1, c * BITS);
            x[c] = outside ? synapse(0) : inside;
        }
    }
    static void lanes(const bool *, int, bool *) { XNORSR_PRAGMA(HLS INLINE) }
    static int start(const bool *) {
        XNORSR_PRAGMA(HLS INLINE)
        return 0;
    }
    template <class WORD> static number sum(const synapse *x, const bool *, const WORD *weight) {
        XNORSR_PRAGMA(HLS INLINE)
        XNORSR_PRAGMA(HLS EXPRESSION_BALANCE)
        number total = 0;
        for (int j = 0; j < BITS; j++) {
            XNORSR_PRAGMA(HLS UNROLL)
            ap_uint<Counter<CFG::SIMD + 1>::BITS> positive = 0, all = 0;
            for (int s = 0; s < CFG::SIMD; s++) {
                XNORSR_PRAGMA(HLS UNROLL)
                const bool bit = x[s][j], w = Folding<CFG>::weight(weight, s) != 0;
                positive += bit && w ? 1 : 0;
                all += bit ? 1 : 0;
            }
            const number plane = number(2 * positive - all) << j;
            if (CFG::in::SIGNED && j == BITS - 1)
                total -= plane;
            else
                total += plane;
        }
        return total;
    }
};

template <class CFG, class ROM, class OFFSET_T>
void conv_planes(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
                 const ROM &weight, const OFFSET_T (&bias)[Folding<CFG>::NF][CFG::PE]) {
    static_assert(CFG::PAD == 0, "constant padding needs a bipolar input");
    convolve<CFG, PlanesEngine<CFG>>(in, out, weight, bias);
}

#endif

} // namespace xnorsr

#endif
