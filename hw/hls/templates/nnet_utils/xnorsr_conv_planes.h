#ifndef XNORSR_CONV_PLANES_H_
#define XNORSR_CONV_PLANES_H_

#include "xnorsr_conv.h"

// Binary weights, n-bit input, by bit planes: sum = sum over j of +-2**j * (2*popcount(x_j & w) - popcount(x_j)),
// x_j bit j of all synapses, w 1 for +1 and 0 for -1. The highest plane counts negatively where the input is signed.
// Beyond the border x is 0 and contributes nothing.

namespace xnorsr {

#ifdef XNORSR_FAST

template <class SHAPE> struct FastPlanes {
    typedef Folding<SHAPE> fold;
    static const int C = SHAPE::in::C, O = SHAPE::out::C, TAPS = SHAPE::K * SHAPE::K, CHUNKS = (C + 63) / 64;
    static const int BITS = SHAPE::in::BITS;
    struct pixel {
        uint64_t plane[BITS][CHUNKS];
    };
    uint64_t weight[O][TAPS][CHUNKS];

    template <class ROM> void prepare(const ROM &rom) {
        for (int o = 0; o < O; o++)
            for (int s = 0; s < fold::SYNAPSES; s++) {
                const int f = o / SHAPE::PE * fold::SF + s / SHAPE::SIMD, bit = s % SHAPE::SIMD;
                const uint64_t one = (uint64_t)rom[f][o % SHAPE::PE][bit / 64] >> (bit % 64) & 1;
                uint64_t &chunk = weight[o][s / C][s % C / 64];
                chunk = (s % C % 64 == 0 ? 0 : chunk) | one << (s % C % 64);
            }
    }
    static pixel load(const typename SHAPE::in::word &word) {
        int32_t code[C];
        unpack<typename SHAPE::in>(word, code);
        pixel x;
        for (int j = 0; j < BITS; j++)
            for (int k = 0; k < CHUNKS; k++) {
                uint64_t plane = 0;
                for (int c = 64 * k; c < C && c < 64 * (k + 1); c++)
                    plane |= (uint64_t)(code[c] >> j & 1) << (c % 64);
                x.plane[j][k] = plane;
            }
        return x;
    }
    static int64_t plane_weight(int j) { return (SHAPE::in::SIGNED && j == BITS - 1 ? -1 : 1) * (int64_t(1) << j); }

    template <class T> void add_tap(const pixel &x, int tap, T *sum) const {
        T all = 0;
        for (int j = 0; j < BITS; j++)
            for (int k = 0; k < CHUNKS; k++)
                all += (T)plane_weight(j) * (T)__builtin_popcountll(x.plane[j][k]);
        for (int o = 0; o < O; o++) {
            T positive = 0;
            for (int j = 0; j < BITS; j++)
                for (int k = 0; k < CHUNKS; k++)
                    positive += (T)plane_weight(j) * (T)__builtin_popcountll(x.plane[j][k] & weight[o][tap][k]);
            sum[o] += 2 * positive - all;
        }
    }
    template <class T> void add(const pixel *taps, T *sum) const {
        for (int tap = 0; tap < TAPS; tap++)
            add_tap(taps[tap], tap, sum);
    }
    template <class T> void add_at_border(const pixel *taps, const bool *outside, T *sum) const {
        for (int tap = 0; tap < TAPS; tap++)
            if (!outside[tap])
                add_tap(taps[tap], tap, sum);
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
