#ifndef XNORSR_CONV_XNOR_H_
#define XNORSR_CONV_XNOR_H_

#include "xnorsr_conv.h"

// Binary weights, bipolar input: sum = 2P - V, P the popcount of XNOR(x, w) over the valid synapses, V their number.
// With zero padding, taps beyond the border are not valid; with +1 or -1 they are, and x is that constant there. V is
// the same for all outputs of a pixel and stands at the start of each sum.

namespace xnorsr {

#ifdef XNORSR_FAST

template <class SHAPE> struct FastXnor {
    typedef Folding<SHAPE> fold;
    static const int C = SHAPE::in::C, O = SHAPE::out::C, TAPS = SHAPE::K * SHAPE::K, CHUNKS = (C + 63) / 64;
    struct pixel {
        uint64_t chunk[CHUNKS];
    };
    // Eight outputs side by side: one vector of counters. Outputs from O on have zeros.
    static const int LANES = 8, GROUPS = (O + LANES - 1) / LANES, WORDS = TAPS * CHUNKS;
    uint64_t weight[GROUPS][WORDS][LANES];

    template <class ROM> void prepare(const ROM &rom) {
        for (int g = 0; g < GROUPS; g++)
            for (int k = 0; k < WORDS; k++)
                for (int n = 0; n < LANES; n++)
                    weight[g][k][n] = 0;
        for (int o = 0; o < O; o++)
            for (int s = 0; s < fold::SYNAPSES; s++) {
                const int f = o / SHAPE::PE * fold::SF + s / SHAPE::SIMD, bit = s % SHAPE::SIMD;
                const uint64_t one = fold::weight(rom[o % SHAPE::PE][f], bit);
                weight[o / LANES][s / C * CHUNKS + s % C / 64][o % LANES] |= one << (s % C % 64);
            }
    }
    static pixel load(const typename SHAPE::in::word &word) {
        pixel x;
        for (int k = 0; k < CHUNKS; k++)
            x.chunk[k] = get_chunk(word, k);
        return x;
    }
    // sum += synapses - 2 * differing bits, over words [first, last) of the window.
    template <class T> void add_words(const uint64_t *x, int first, int last, int synapses, T *sum) const {
        for (int g = 0; g < GROUPS; g++) {
            uint64_t differing[LANES] = {0};
            for (int k = first; k < last; k++)
                for (int n = 0; n < LANES; n++)
                    differing[n] += __builtin_popcountll(x[k - first] ^ weight[g][k][n]);
            for (int n = 0; n < LANES && g * LANES + n < O; n++)
                sum[g * LANES + n] += synapses - 2 * (T)differing[n];
        }
    }
    template <class T> void add(const pixel *taps, T *sum) const { // the pixels of a window lie side by side
        add_words(reinterpret_cast<const uint64_t *>(taps), 0, WORDS, fold::SYNAPSES, sum);
    }
    template <class T> void add_at_border(const pixel *taps, const bool *outside, T *sum) const {
        for (int tap = 0; tap < TAPS; tap++) {
            if (outside[tap] && SHAPE::PAD == 0)
                continue;
            pixel x = taps[tap];
            for (int k = 0; k < CHUNKS && outside[tap]; k++)
                x.chunk[k] = SHAPE::PAD > 0 ? ones(k) : 0;
            add_words(x.chunk, tap * CHUNKS, (tap + 1) * CHUNKS, C, sum);
        }
    }
    static uint64_t ones(int k) { return C - 64 * k >= 64 ? ~0ULL : (1ULL << (C % 64)) - 1; }
};

template <class CFG, class ROM, class OFFSET_T>
void conv_xnor(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
               const ROM &weight, const OFFSET_T (&bias)[Folding<CFG>::NF][CFG::PE]) {
    convolve<typename CFG::shape, FastXnor<typename CFG::shape>>(in, out, weight, bias);
}

#else

template <class CFG> struct XnorEngine {
    typedef Folding<CFG> fold;
    typedef typename CFG::out::number number;
    typedef ap_uint<1> synapse;

    static void load(const typename CFG::in::word &pixel, bool outside, synapse *x) {
        XNORSR_PRAGMA(HLS INLINE)
        for (int c = 0; c < CFG::in::C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const bool bit = pixel[c];
            x[c] = (outside ? CFG::PAD > 0 : bit) ? 1 : 0;
        }
    }
    // Which lanes of slice sf belong to valid taps: K*K signals, chosen by sf, each for all channels of its tap.
    static void lanes(const bool *valid, int sf, bool *inside) {
        XNORSR_PRAGMA(HLS INLINE)
        for (int k = 0; k < fold::SF; k++) {
            XNORSR_PRAGMA(HLS UNROLL)
            if (fold::SF > 1 && k != sf)
                continue;
            for (int s = 0; s < CFG::SIMD; s++) {
                XNORSR_PRAGMA(HLS UNROLL)
                inside[s] = CFG::PAD != 0 || valid[(k * CFG::SIMD + s) / fold::C];
            }
        }
    }
    // -V.
    static int start(const bool *valid) {
        XNORSR_PRAGMA(HLS INLINE)
        ap_uint<Counter<fold::TAPS + 1>::BITS> taps = 0;
        for (int tap = 0; tap < fold::TAPS; tap++) {
            XNORSR_PRAGMA(HLS UNROLL)
            taps += CFG::PAD != 0 || valid[tap] ? 1 : 0;
        }
        return -fold::C * int(taps);
    }
    template <class WORD> static number sum(const synapse *x, const bool *inside, const WORD *weight) {
        XNORSR_PRAGMA(HLS INLINE)
        XNORSR_PRAGMA(HLS EXPRESSION_BALANCE)
        ap_uint<Counter<CFG::SIMD + 1>::BITS> equal = 0;
        for (int s = 0; s < CFG::SIMD; s++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const bool bit = x[s] != 0, w = fold::weight(weight, s) != 0;
            equal += inside[s] && bit == w ? 1 : 0;
        }
        return number(equal) << 1;
    }
};

template <class CFG, class ROM, class OFFSET_T>
void conv_xnor(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
               const ROM &weight, const OFFSET_T (&bias)[Folding<CFG>::NF][CFG::PE]) {
    convolve<CFG, XnorEngine<CFG>>(in, out, weight, bias);
}

#endif

} // namespace xnorsr

#endif
