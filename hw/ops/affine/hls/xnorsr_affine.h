#ifndef XNORSR_AFFINE_H_
#define XNORSR_AFFINE_H_

#include "xnorsr_common.h"

// Per channel: y = quant(prelu(mid(scale*x + bias))); what is missing is Exact or switched off by HAS_*.
//
// CFG: in, out, H, W, II (cycles that a pixel takes; multipliers are shared over them), HAS_SCALE, HAS_BIAS, HAS_SLOPE,
// SCALE_BITS, BIAS_BITS, SLOPE_BITS, SLOPE_FRAC, mid, quant (Requant or Exact), and the widths of scale*x + bias
// (SUM_BITS), of what mid gives (MID_BITS) and of what the PReLU gives (ACT_BITS).
// param[c] = {scale, bias, slope} of channel c.

namespace xnorsr {

template <class CFG, class X>
inline typename Number<CFG::quant::template Bits<CFG::ACT_BITS>::value>::type
affine_channel(const X &x, const typename Number<CFG::SCALE_BITS>::type &scale,
               const typename Number<CFG::BIAS_BITS>::type &bias, const typename Number<CFG::SLOPE_BITS>::type &slope) {
    XNORSR_PRAGMA(HLS INLINE)
    typedef typename Number<CFG::SUM_BITS>::type sum_t;
    typedef typename Number<CFG::MID_BITS>::type mid_t;
    typedef typename Number<CFG::ACT_BITS>::type act_t;
    sum_t sum = x;
    if (CFG::HAS_SCALE)
        sum = x * scale;
    if (CFG::HAS_BIAS)
        sum = sum + bias;
    const mid_t mid = CFG::mid::template apply<CFG::SUM_BITS>(sum);
    act_t act = mid;
    if (CFG::HAS_SLOPE) {
        const act_t positive = act_t(mid) << CFG::SLOPE_FRAC;
        const act_t negative = act_t(mid) * slope;
        act = mid < 0 ? negative : positive;
    }
    return CFG::quant::template apply<CFG::ACT_BITS>(act);
}

#ifdef XNORSR_FAST

template <class SHAPE, class PARAM>
__attribute__((noinline)) void affine_frame(hls::stream<typename SHAPE::in::word> &in,
                                            hls::stream<typename SHAPE::out::word> &out,
                                            const PARAM (&param)[SHAPE::in::C][3]) {
    typedef typename Number<SHAPE::SUM_BITS>::type sum_t;
    static const int C = SHAPE::in::C;
    typename Number<SHAPE::SCALE_BITS>::type scale[C];
    typename Number<SHAPE::BIAS_BITS>::type bias[C];
    typename Number<SHAPE::SLOPE_BITS>::type slope[C];
    for (int c = 0; c < C; c++) {
        scale[c] = param[c][0];
        bias[c] = param[c][1];
        slope[c] = param[c][2];
    }
    sum_t x[C];
    typename Number<SHAPE::quant::template Bits<SHAPE::ACT_BITS>::value>::type y[C];
    for (int t = 0; t < SHAPE::H * SHAPE::W; t++) {
        unpack<typename SHAPE::in>(in.read(), x);
        for (int c = 0; c < C; c++)
            y[c] = affine_channel<SHAPE>(x[c], scale[c], bias[c], slope[c]);
        out.write(pack<typename SHAPE::out>(y));
    }
}

template <class CFG, class PARAM>
void affine(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
            const PARAM (&param)[CFG::in::C][3]) {
    affine_frame<typename CFG::shape>(in, out, param);
}

#else

template <class CFG, class PARAM>
void affine(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
            const PARAM (&param)[CFG::in::C][3]) {
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=param dim=0 type=complete)
    static const int C = CFG::in::C;
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=CFG::II style=flp)
        typename CFG::in::number x[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=x dim=0 type=complete)
        typename Number<CFG::quant::template Bits<CFG::ACT_BITS>::value>::type y[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
        unpack<typename CFG::in>(in.read(), x);
        for (int c = 0; c < C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            y[c] = affine_channel<CFG>(x[c], param[c][0], param[c][1], param[c][2]);
        }
        out.write(pack<typename CFG::out>(y));
    }
}

#endif

} // namespace xnorsr

#endif
