#ifndef XNORSR_CONV_MAC_H_
#define XNORSR_CONV_MAC_H_

#include "xnorsr_conv.h"

// n-bit weights, any input: multiply-accumulate. A bipolar input counts as its value, -1 or +1.
// Beyond the border x is CFG::PAD: 0, or +1 or -1 with a bipolar input. CFG::DSP: products stand in DSP slices.

namespace xnorsr {

#ifdef XNORSR_FAST

template <class SHAPE> struct FastMac {
    typedef Folding<SHAPE> fold;
    static const int C = SHAPE::in::C, O = SHAPE::out::C, TAPS = SHAPE::K * SHAPE::K;
    // Operands of 16 bits let the compiler use multiply-add instructions.
    static const bool NARROW = SHAPE::in::NUMBER <= 16 && SHAPE::WEIGHT_BITS <= 16;
    typedef typename Choose<NARROW, int16_t, int32_t>::type operand;
    // Vectors over the outputs where synapses are few, else over the synapses.
    static const bool BY_OUTPUT = O >= 16 && fold::SYNAPSES < 64 && SHAPE::UNITS == 1;
    static_assert(SHAPE::in::NUMBER <= 32 && SHAPE::WEIGHT_BITS <= 32, "operands are at most 32 bits wide");
    struct pixel {
        operand v[C];
    };
    operand weight[fold::SYNAPSES * O];

    template <class ROM> void prepare(const ROM &rom) {
        for (int o = 0; o < O; o++)
            for (int s = 0; s < fold::SYNAPSES; s++) {
                const int f = fold::place(o) * fold::SF + s / SHAPE::SIMD;
                const uint64_t bits = fold::weight(rom[fold::lane(o)][f], s % SHAPE::SIMD);
                const int shift = 64 - SHAPE::WEIGHT_BITS;
                weight[BY_OUTPUT ? s * O + o : o * fold::SYNAPSES + s] =
                    SHAPE::BINARY ? (operand)(bits ? 1 : -1) : (operand)((int64_t)(bits << shift) >> shift);
            }
    }
    static pixel load(const typename SHAPE::in::word &word) {
        pixel x;
        unpack<typename SHAPE::in>(word, x.v);
        return x;
    }
    template <class T> void add(const pixel *taps, T *sum) const {
        static const int READ = SHAPE::UNITS * fold::SYNAPSES;
        operand gathered[fold::ALL ? 1 : READ];
        const operand *x = reinterpret_cast<const operand *>(taps); // the pixels of a window lie side by side
        if (!fold::ALL) {
            for (int s = 0; s < READ; s++)
                gathered[fold::ALL ? 0 : s] = x[SHAPE::used::at(s / SHAPE::BLOCK) * SHAPE::BLOCK + s % SHAPE::BLOCK];
            x = gathered;
        }
        if (BY_OUTPUT) {
            for (int s = 0; s < fold::SYNAPSES; s++)
                for (int o = 0; o < O; o++)
                    sum[o] += (T)x[s] * (T)weight[s * O + o];
        } else {
            for (int o = 0; o < O; o++) {
                T total = 0;
                for (int s = 0; s < fold::SYNAPSES; s++)
                    total += (T)x[o / fold::OUTPUTS * fold::SYNAPSES + s] * (T)weight[o * fold::SYNAPSES + s];
                sum[o] += total;
            }
        }
    }
    template <class T> void add_at_border(const pixel *taps, const bool *outside, T *sum) const {
        static pixel bordered[TAPS];
        for (int tap = 0; tap < TAPS; tap++)
            for (int c = 0; c < C; c++)
                bordered[tap].v[c] = outside[tap] ? (operand)SHAPE::PAD : taps[tap].v[c];
        add(bordered, sum);
    }
};

template <class CFG, class ROM, class OFFSET_T>
void conv_mac(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
              const ROM &weight, const OFFSET_T (&bias)[Folding<CFG>::NF][CFG::PE]) {
    convolve<typename CFG::shape, FastMac<typename CFG::shape>>(in, out, weight, bias);
}

#else

template <class CFG> struct MacEngine {
    typedef typename CFG::out::number number;
    typedef typename CFG::in::number synapse;

    static void load(const typename CFG::in::word &pixel, bool outside, synapse *x) {
        XNORSR_PRAGMA(HLS INLINE)
        synapse value[CFG::in::C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=value dim=0 type=complete)
        unpack<typename CFG::in>(pixel, value);
        for (int c = 0; c < CFG::in::C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            x[c] = outside ? synapse(CFG::PAD) : value[c];
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
        for (int s = 0; s < CFG::SIMD; s++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const ap_int<CFG::WEIGHT_BITS> w = Folding<CFG>::weight(weight, s);
            total += Multiply<(CFG::DSP != 0)>::template of<number>(x[s], w);
        }
        return total;
    }
};

template <class CFG, class ROM, class OFFSET_T>
void conv_mac(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
              const ROM &weight, const OFFSET_T (&bias)[Folding<CFG>::NF][CFG::PE]) {
    convolve<CFG, MacEngine<CFG>>(in, out, weight, bias);
}

#endif

} // namespace xnorsr

#endif
