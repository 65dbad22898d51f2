#ifndef XNORSR_CONV_MAC_H_
#define XNORSR_CONV_MAC_H_

#include "xnorsr_conv.h"

// n-bit weights, any input: multiply-accumulate. A bipolar input counts as its value, -1 or +1.
// Beyond the border x is CFG::PAD: 0, or +1 or -1 with a bipolar input.

namespace xnorsr {

#ifdef XNORSR_FAST

template <class SHAPE, int WEIGHT_BITS> struct FastMac {
    typedef Folding<SHAPE> fold;
    static const int C = SHAPE::in::C, O = SHAPE::out::C, TAPS = SHAPE::K * SHAPE::K;
    // Operands of 16 bits let the compiler use multiply-add instructions.
    static const bool NARROW = SHAPE::in::NUMBER <= 16 && WEIGHT_BITS <= 16;
    typedef typename Choose<NARROW, int16_t, int32_t>::type operand;
    // Vectors over the outputs where synapses are few, else over the synapses.
    static const bool BY_OUTPUT = O >= 16 && fold::SYNAPSES < 64;
    static_assert(SHAPE::in::NUMBER <= 32 && WEIGHT_BITS <= 32, "operands are at most 32 bits wide");
    struct pixel {
        operand v[C];
    };
    operand weight[fold::SYNAPSES * O];

    // get(f, pe, s): weight of output pe and synapse s in cycle f of the folding.
    template <class GET> void fill(GET get) {
        for (int o = 0; o < O; o++)
            for (int s = 0; s < fold::SYNAPSES; s++) {
                const int f = o / SHAPE::PE * fold::SF + s / SHAPE::SIMD;
                weight[BY_OUTPUT ? s * O + o : o * fold::SYNAPSES + s] = get(f, o % SHAPE::PE, s % SHAPE::SIMD);
            }
    }
    template <class ROM> void prepare(const ROM &rom) {
        fill([&rom](int f, int pe, int s) { return rom[f][pe][s]; });
    }
    static pixel load(const typename SHAPE::in::word &word) {
        pixel x;
        unpack<typename SHAPE::in>(word, x.v);
        return x;
    }
    template <class T> void add(const pixel *taps, T *sum) const {
        const operand *x = reinterpret_cast<const operand *>(taps); // the pixels of a window lie side by side
        if (BY_OUTPUT) {
            for (int s = 0; s < fold::SYNAPSES; s++)
                for (int o = 0; o < O; o++)
                    sum[o] += (T)x[s] * (T)weight[s * O + o];
        } else {
            for (int o = 0; o < O; o++) {
                T total = 0;
                for (int s = 0; s < fold::SYNAPSES; s++)
                    total += (T)x[s] * (T)weight[o * fold::SYNAPSES + s];
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
              const ROM &weight, const OFFSET_T (&bias)[CFG::out::C]) {
    convolve<typename CFG::shape, FastMac<typename CFG::shape, CFG::WEIGHT_BITS>>(in, out, weight, bias);
}

#else

template <class CFG> struct MacEngine {
    typedef typename CFG::out::number number;
    typedef typename CFG::in::number synapse;

    static void load(const typename CFG::in::word &pixel, bool outside, synapse *x, bool *valid) {
        XNORSR_PRAGMA(HLS INLINE)
        synapse value[CFG::in::C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=value dim=0 type=complete)
        unpack<typename CFG::in>(pixel, value);
        for (int c = 0; c < CFG::in::C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            x[c] = outside ? synapse(CFG::PAD) : value[c];
            valid[c] = !outside;
        }
    }
    template <class ROM> static number sum(const synapse *x, const bool *, int first, const ROM *weight) {
        XNORSR_PRAGMA(HLS INLINE)
        number total = 0;
        for (int s = 0; s < CFG::SIMD; s++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const ap_int<CFG::WEIGHT_BITS> w = weight[s];
            total += x[first + s] * w;
        }
        return total;
    }
};

template <class CFG, class ROM, class OFFSET_T>
void conv_mac(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
              const ROM &weight, const OFFSET_T (&bias)[CFG::out::C]) {
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=weight dim=2 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=weight dim=3 type=complete)
    convolve<CFG, MacEngine<CFG>>(in, out, weight, bias);
}

#endif

} // namespace xnorsr

#endif
