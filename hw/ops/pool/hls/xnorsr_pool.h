#ifndef XNORSR_POOL_H_
#define XNORSR_POOL_H_

#include "xnorsr_common.h"
#include "xnorsr_state.h"

// Sum over the frame: y[c] = quant(sum of x[c] over all pixels), one beat per frame. pool gives it behind the frame,
// pool_previous gives that of the frame before with the first pixel, and start in the first frame.
//
// CFG: in, out, H, W, PE (channels that are requantized at a time), SUM_BITS, quant (Requant or Exact), for
// pool_previous STATE, its number among the states of the project.
// After the last pixel the sums go PE at a time through the requantization, C/PE more steps of the same loop.

namespace xnorsr {

// PREVIOUS: held is given first and gets the frame's vector, else the vector is given and held is nothing.
template <class CFG, bool PREVIOUS>
void pool_frame(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
                typename CFG::out::word &held) {
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
        if (PREVIOUS && t == 0)
            out.write(held);
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
            if (t == PIXELS + FOLDS - 1) {
                if (PREVIOUS)
                    held = pack<typename CFG::out>(y);
                else
                    out.write(pack<typename CFG::out>(y));
            }
        }
    }
}

template <class CFG>
void pool(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
    typename CFG::out::word nothing = 0;
#ifdef XNORSR_FAST
    pool_frame<typename CFG::shape, false>(in, out, nothing);
#else
    pool_frame<CFG, false>(in, out, nothing);
#endif
}

template <class CFG, class START>
void pool_previous(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
                   const START (&start)[CFG::out::C]) {
    static typename CFG::out::word vector; // of the frame before
    static bool begun = false;             // there was one since reset
    XNORSR_PRAGMA(HLS RESET variable=begun)
    typename CFG::out::word held = begun ? vector : pack<typename CFG::out>(start);
    XNORSR_READ_STATE(CFG, typename CFG::out, held)
#ifdef XNORSR_FAST
    pool_frame<typename CFG::shape, true>(in, out, held);
#else
    pool_frame<CFG, true>(in, out, held);
#endif
    XNORSR_WRITE_STATE(CFG, typename CFG::out, held)
    vector = held;
    begun = true;
}

} // namespace xnorsr

#endif
