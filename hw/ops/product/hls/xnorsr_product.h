#ifndef XNORSR_PRODUCT_H_
#define XNORSR_PRODUCT_H_

#include "xnorsr_common.h"

// Two streams multiplied channel by channel: y = quant(a * b).
//
// CFG: in_a, in_b, out, H, W, II (cycles per pixel, for which multipliers are shared), BITS (of the product), quant
//      (Requant or Exact).

namespace xnorsr {

template <class CFG>
void product_frame(hls::stream<typename CFG::in_a::word> &in_a, hls::stream<typename CFG::in_b::word> &in_b,
                   hls::stream<typename CFG::out::word> &out) {
    XNORSR_PRAGMA(HLS INLINE)
    static const int C = CFG::out::C;
    typedef typename Number<CFG::BITS>::type product_t;
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=CFG::II style=flp)
        typename CFG::in_a::number a[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=a dim=0 type=complete)
        typename CFG::in_b::number b[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=b dim=0 type=complete)
        typename Number<CFG::quant::template Bits<CFG::BITS>::value>::type y[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
        unpack<typename CFG::in_a>(in_a.read(), a);
        unpack<typename CFG::in_b>(in_b.read(), b);
        for (int c = 0; c < C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const product_t product = product_t(a[c]) * product_t(b[c]);
            y[c] = CFG::quant::template apply<CFG::BITS>(product);
        }
        out.write(pack<typename CFG::out>(y));
    }
}

template <class CFG>
void product(hls::stream<typename CFG::in_a::word> &in_a, hls::stream<typename CFG::in_b::word> &in_b,
             hls::stream<typename CFG::out::word> &out) {
#ifdef XNORSR_FAST
    product_frame<typename CFG::shape>(in_a, in_b, out);
#else
    product_frame<CFG>(in_a, in_b, out);
#endif
}

} // namespace xnorsr

#endif
