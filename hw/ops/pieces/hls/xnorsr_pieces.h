#ifndef XNORSR_PIECES_H_
#define XNORSR_PIECES_H_

#include "xnorsr_common.h"

// Per channel: y = quant(scale[p]*x + bias[p]), p the number of splits that x reaches.
//
// CFG: in, out, H, W, II (cycles that a pixel takes; multipliers are shared over them), PIECES, SPLIT_BITS, SCALE_BITS,
// BIAS_BITS, SUM_BITS (of scale*x + bias), quant (Requant).
// split[c][p] is the first code of piece p, ascending; split[c][0] is not read.

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
    const sum_t sum = sum_t(sum_t(x) * sum_t(a)) + sum_t(b);
    return CFG::quant::template apply<CFG::SUM_BITS>(sum);
}

#ifdef XNORSR_FAST

template <class SHAPE, class S, class A, class B>
__attribute__((noinline)) void
pieces_frame(hls::stream<typename SHAPE::in::word> &in, hls::stream<typename SHAPE::out::word> &out,
             const S (&split)[SHAPE::in::C][SHAPE::PIECES], const A (&scale)[SHAPE::in::C][SHAPE::PIECES],
             const B (&bias)[SHAPE::in::C][SHAPE::PIECES]) {
    static const int C = SHAPE::in::C;
    typename Number<SHAPE::SUM_BITS>::type x[C];
    typename Number<SHAPE::quant::template Bits<SHAPE::SUM_BITS>::value>::type y[C];
    for (int t = 0; t < SHAPE::H * SHAPE::W; t++) {
        unpack<typename SHAPE::in>(in.read(), x);
        for (int c = 0; c < C; c++)
            y[c] = pieces_channel<SHAPE>(x[c], split[c], scale[c], bias[c]);
        out.write(pack<typename SHAPE::out>(y));
    }
}

template <class CFG, class S, class A, class B>
void pieces(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
            const S (&split)[CFG::in::C][CFG::PIECES], const A (&scale)[CFG::in::C][CFG::PIECES],
            const B (&bias)[CFG::in::C][CFG::PIECES]) {
    pieces_frame<typename CFG::shape>(in, out, split, scale, bias);
}

#else

template <class CFG, class S, class A, class B>
void pieces(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
            const S (&split)[CFG::in::C][CFG::PIECES], const A (&scale)[CFG::in::C][CFG::PIECES],
            const B (&bias)[CFG::in::C][CFG::PIECES]) {
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=split dim=0 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=scale dim=0 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=bias dim=0 type=complete)
    static const int C = CFG::in::C;
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=CFG::II style=flp)
        typename CFG::in::number x[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=x dim=0 type=complete)
        typename Number<CFG::quant::template Bits<CFG::SUM_BITS>::value>::type y[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
        unpack<typename CFG::in>(in.read(), x);
        for (int c = 0; c < C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            y[c] = pieces_channel<CFG>(x[c], split[c], scale[c], bias[c]);
        }
        out.write(pack<typename CFG::out>(y));
    }
}

#endif

} // namespace xnorsr

#endif
