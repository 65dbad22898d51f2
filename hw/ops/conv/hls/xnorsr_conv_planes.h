#ifndef XNORSR_CONV_PLANES_H_
#define XNORSR_CONV_PLANES_H_

#include "xnorsr_conv_mac.h"

// Binary weights, n-bit input, by bit planes: sum = sum over j of +-2**j * (2*popcount(x_j & w) - popcount(x_j)),
// x_j bit j of all synapses, w 1 for +1 and 0 for -1. The highest plane counts negatively where the input is signed.
// Beyond the border x is 0 and contributes nothing.

namespace xnorsr {

#ifdef XNORSR_FAST

// Machine multiply-adds with weights -1 and +1: faster than counting each plane, the same sums.
template <class SHAPE> struct FastPlanes : FastMac<SHAPE, 2> {
    template <class ROM> void prepare(const ROM &rom) {
        this->fill([&rom](int f, int pe, int s) { return rom[f][pe][s / 64] >> (s % 64) & 1 ? 1 : -1; });
    }
};

template <class CFG, class ROM, class OFFSET_T>
void conv_planes(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
                 const ROM &weight, const OFFSET_T (&bias)[CFG::out::C]) {
    convolve<typename CFG::shape, FastPlanes<typename CFG::shape>>(in, out, weight, bias);
}

#else

template <class CFG> struct PlanesEngine {
    typedef typename CFG::out::number number;
    static const int BITS = CFG::in::BITS;
    typedef ap_uint<BITS> synapse;

    static void load(const typename CFG::in::word &pixel, bool outside, synapse *x, bool *valid) {
        XNORSR_PRAGMA(HLS INLINE)
        for (int c = 0; c < CFG::in::C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const synapse inside = pixel.range((c + 1) * BITS - 1, c * BITS);
            x[c] = outside ? synapse(0) : inside;
            valid[c] = !outside;
        }
    }
    template <class WORD> static number sum(const synapse *x, const bool *, int first, const WORD *weight) {
        XNORSR_PRAGMA(HLS INLINE)
        number total = 0;
        for (int j = 0; j < BITS; j++) {
            XNORSR_PRAGMA(HLS UNROLL)
            ap_uint<20> positive = 0, all = 0;
            for (int s = 0; s < CFG::SIMD; s++) {
                XNORSR_PRAGMA(HLS UNROLL)
                const ap_uint<1> bit = x[first + s][j];
                const ap_uint<1> w = weight[s / 64] >> (s % 64) & 1;
                positive += bit & w;
                all += bit;
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
                 const ROM &weight, const OFFSET_T (&bias)[CFG::out::C]) {
    static_assert(CFG::PAD == 0, "constant padding needs a bipolar input");
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=weight dim=2 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=weight dim=3 type=complete)
    convolve<CFG, PlanesEngine<CFG>>(in, out, weight, bias);
}

#endif

} // namespace xnorsr

#endif
