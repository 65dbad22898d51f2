#ifndef XNORSR_PIECES_H_
#define XNORSR_PIECES_H_

#include "xnorsr_common.h"

// Per channel: y = quant(scale[p]*x + bias[p]), p the number of splits that x reaches.
//
// CFG: in, out, H, W, PE (channels per cycle; multipliers are shared over the cycles of a pixel), PIECES, SPLIT_BITS, SCALE_BITS,
// BIAS_BITS, SCALE_DSP (products stand in DSP slices), SUM_BITS (of scale*x + bias), quant (Requant).
// Arrays are [cycle][PE][piece]; a split is the first code of its piece, ascending; that of the first one is not read.

namespace xnorsr {

template <class CFG, class X, class S, class A, class B>
inline typename Number<CFG::quant::template Bits<CFG::SUM_BITS>::value>::type
pieces_channel(const X &x, const S *split, const A *scale, const B *bias) {
    XNORSR_PRAGMA(HLS INLINE)
    typedef typename Number<CFG::SUM_BITS>::type sum_t;
    typename Number<CFG::SCALE_BITS>::type a = scale[0];
    typename Number<CFG::BIAS_BITS>::type b = bias[0];
    for (int p = 1; p < CFG::PIECES; p++) {
        XNORSR_PRAGMA(HLS UNROLL)
        if (x >= typename Number<CFG::SPLIT_BITS>::type(split[p])) {
            a = scale[p];
            b = bias[p];
        }
    }
    const sum_t sum = Multiply<(CFG::SCALE_DSP != 0)>::template of<sum_t>(x, a) + sum_t(b);
    return CFG::quant::template apply<CFG::SUM_BITS>(sum);
}

#ifdef XNORSR_FAST

template <class SHAPE, class S, class A, class B>
__attribute__((noinline)) void
pieces_frame(hls::stream<typename SHAPE::in::word> &in, hls::stream<typename SHAPE::out::word> &out,
             const S (&split)[SHAPE::in::C / SHAPE::PE][SHAPE::PE][SHAPE::PIECES],
             const A (&scale)[SHAPE::in::C / SHAPE::PE][SHAPE::PE][SHAPE::PIECES],
             const B (&bias)[SHAPE::in::C / SHAPE::PE][SHAPE::PE][SHAPE::PIECES]) {
    static const int C = SHAPE::in::C;
    typename Number<SHAPE::SUM_BITS>::type x[C];
    typename Number<SHAPE::quant::template Bits<SHAPE::SUM_BITS>::value>::type y[C];
    for (int t = 0; t < SHAPE::H * SHAPE::W; t++) {
        unpack<typename SHAPE::in>(in.read(), x);
        for (int c = 0; c < C; c++) {
            const int f = c / SHAPE::PE, pe = c % SHAPE::PE;
            y[c] = pieces_channel<SHAPE>(x[c], split[f][pe], scale[f][pe], bias[f][pe]);
        }
        out.write(pack<typename SHAPE::out>(y));
    }
}

template <class CFG, class S, class A, class B>
void pieces(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
            const S (&split)[CFG::in::C / CFG::PE][CFG::PE][CFG::PIECES],
            const A (&scale)[CFG::in::C / CFG::PE][CFG::PE][CFG::PIECES],
            const B (&bias)[CFG::in::C / CFG::PE][CFG::PE][CFG::PIECES]) {
    pieces_frame<typename CFG::shape>(in, out, split, scale, bias);
}

#else

template <class CFG, class S, class A, class B>
void pieces(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
            const S (&split)[CFG::in::C / CFG::PE][CFG::PE][CFG::PIECES],
            const A (&scale)[CFG::in::C / CFG::PE][CFG::PE][CFG::PIECES],
            const B (&bias)[CFG::in::C / CFG::PE][CFG::PE][CFG::PIECES]) {
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=split dim=2 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=split dim=3 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=scale dim=2 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=scale dim=3 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=bias dim=2 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=bias dim=3 type=complete)
    typedef Pixels<CFG::PE, CFG::in::BITS, CFG::in::SIGNED, CFG::in::BIPOLAR> lanes_in;
    typedef Pixels<CFG::PE, CFG::out::BITS, CFG::out::SIGNED> lanes_out;
    static const int FOLD = CFG::in::C / CFG::PE;
    static_assert(FOLD * CFG::PE == CFG::in::C, "PE must divide the number of channels");
    static const int64_t STEPS = int64_t(CFG::H) * CFG::W * FOLD;
    typename CFG::in::word waiting = 0; // the channels still to come, in the low bits
    typename CFG::out::word ready = 0;  // those that are done, in the high bits
    typename Counter<FOLD>::type f = 0;
step:
    for (typename Steps<STEPS>::type t = 0; t < STEPS; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        if (f == 0)
            waiting = in.read();
        typename CFG::in::number x[CFG::PE];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=x dim=0 type=complete)
        typename Number<CFG::quant::template Bits<CFG::SUM_BITS>::value>::type y[CFG::PE];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
        const typename lanes_in::word fresh = waiting.range(lanes_in::WORD - 1, 0);
        unpack<lanes_in>(fresh, x);
        for (int pe = 0; pe < CFG::PE; pe++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const int own = FOLD > 1 ? int(f) : 0;
            y[pe] = pieces_channel<CFG>(x[pe], split[own][pe], scale[own][pe], bias[own][pe]);
        }
        const typename lanes_out::word done = pack<lanes_out>(y);
        if (FOLD > 1) {
            waiting = waiting >> lanes_in::WORD;
            ready = ready >> lanes_out::WORD;
        }
        ready.range(CFG::out::WORD - 1, CFG::out::WORD - lanes_out::WORD) = done;
        const bool last = f == FOLD - 1;
        if (last)
            out.write(ready);
        f = last ? 0 : int(f) + 1;
    }
}

#endif

} // namespace xnorsr

#endif
