#ifndef XNORSR_ADD_H_
#define XNORSR_ADD_H_

#include "xnorsr_common.h"

// Two streams added: y = quant((a << SHIFT_A) + (b << SHIFT_B)); with SUBTRACT the second one is subtracted.
//
// CFG: in_a, in_b, out, H, W, SHIFT_A, SHIFT_B, SUBTRACT, SUM_BITS (the width of the sum), quant (Requant or Exact).

namespace xnorsr {

template <class CFG>
void add_frame(hls::stream<typename CFG::in_a::word> &in_a, hls::stream<typename CFG::in_b::word> &in_b,
                    hls::stream<typename CFG::out::word> &out) {
    XNORSR_PRAGMA(HLS INLINE)
    static const int C = CFG::out::C;
    typedef typename Number<CFG::SUM_BITS>::type sum_t;
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        typename CFG::in_a::number a[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=a dim=0 type=complete)
        typename CFG::in_b::number b[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=b dim=0 type=complete)
        typename Number<CFG::quant::template Bits<CFG::SUM_BITS>::value>::type y[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
        unpack<typename CFG::in_a>(in_a.read(), a);
        unpack<typename CFG::in_b>(in_b.read(), b);
        for (int c = 0; c < C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const sum_t left = sum_t(a[c]) << CFG::SHIFT_A, right = sum_t(b[c]) << CFG::SHIFT_B;
            const sum_t sum = CFG::SUBTRACT ? sum_t(left - right) : sum_t(left + right);
            y[c] = CFG::quant::template apply<CFG::SUM_BITS>(sum);
        }
        out.write(pack<typename CFG::out>(y));
    }
}

template <class CFG>
void add(hls::stream<typename CFG::in_a::word> &in_a, hls::stream<typename CFG::in_b::word> &in_b,
              hls::stream<typename CFG::out::word> &out) {
#ifdef XNORSR_FAST
    add_frame<typename CFG::shape>(in_a, in_b, out);
#else
    add_frame<CFG>(in_a, in_b, out);
#endif
}

} // namespace xnorsr

#endif
