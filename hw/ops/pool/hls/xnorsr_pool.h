#ifndef XNORSR_POOL_H_
#define XNORSR_POOL_H_

#include "xnorsr_common.h"

// Sum over the frame: y[c] = quant(sum of x[c] over all pixels), one beat per frame.
//
// CFG: in, out, H, W, PE (channels that are requantized at a time), SUM_BITS, quant (Requant or Exact).
// After the last pixel the sums go PE at a time through the requantization, C/PE more steps of the same loop.

namespace xnorsr {

template <class CFG>
void pool_frame(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
    XNORSR_PRAGMA(HLS INLINE)
    static const int C = CFG::in::C, PIXELS = CFG::H * CFG::W, FOLDS = C / CFG::PE;
    typedef typename Number<CFG::SUM_BITS>::type sum_t;
    typedef typename Number<CFG::quant::template Bits<CFG::SUM_BITS>::value>::type result_t;
    sum_t sum[C];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=sum dim=0 type=complete)
    result_t y[C];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
    for (int c = 0; c < C; c++) {
        XNORSR_PRAGMA(HLS UNROLL)
        sum[c] = 0;
        y[c] = 0;
    }
pixel:
    for (int t = 0; t < PIXELS + FOLDS; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        if (t < PIXELS) {
            typename CFG::in::number x[C];
            XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=x dim=0 type=complete)
            unpack<typename CFG::in>(in.read(), x);
            for (int c = 0; c < C; c++) {
                XNORSR_PRAGMA(HLS UNROLL)
                sum[c] = sum[c] + x[c];
            }
        } else {
            // The first PE sums are requantized; both arrays move down by as many, so that no index is variable.
            result_t part[CFG::PE];
            XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=part dim=0 type=complete)
            for (int p = 0; p < CFG::PE; p++) {
                XNORSR_PRAGMA(HLS UNROLL)
                part[p] = CFG::quant::template apply<CFG::SUM_BITS>(sum[p]);
            }
            for (int c = 0; c < C; c++) {
                XNORSR_PRAGMA(HLS UNROLL)
                if (c + CFG::PE < C) {
                    sum[c] = sum[c + CFG::PE < C ? c + CFG::PE : c];
                    y[c] = y[c + CFG::PE < C ? c + CFG::PE : c];
                } else {
                    y[c] = part[c + CFG::PE < C ? 0 : c + CFG::PE - C];
                }
            }
            if (t == PIXELS + FOLDS - 1)
                out.write(pack<typename CFG::out>(y));
        }
    }
}

template <class CFG>
void pool(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
#ifdef XNORSR_FAST
    pool_frame<typename CFG::shape>(in, out);
#else
    pool_frame<CFG>(in, out);
#endif
}

} // namespace xnorsr

#endif
