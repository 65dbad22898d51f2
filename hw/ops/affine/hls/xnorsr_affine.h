#ifndef XNORSR_AFFINE_H_
#define XNORSR_AFFINE_H_

#include "xnorsr_common.h"

// Per channel: y = quant(prelu(mid(scale*x + bias))); what is missing is Exact or switched off by HAS_*.
//
// CFG: in, out, H, W, PE (channels per cycle), HAS_SCALE, HAS_BIAS, HAS_SLOPE, SCALE_BITS, BIAS_BITS, SLOPE_BITS,
// SLOPE_FRAC, SCALE_DSP, SLOPE_DSP (products stand in DSP slices), mid, quant (Requant or Exact), and the widths of
// scale*x + bias (SUM_BITS), of what mid gives (MID_BITS) and of what the PReLU gives (ACT_BITS).
// A pixel takes FOLD = C/PE cycles; in cycle f, PE lanes work on channels f*PE + pe.
// param[f][pe] = {scale, bias, slope} of that channel.
//
// As synthesized it is one loop with one step per cycle and PE lanes in it: what channels share is written out.

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
        sum = Multiply<(CFG::SCALE_DSP != 0)>::template of<sum_t>(x, scale);
    if (CFG::HAS_BIAS)
        sum = sum + bias;
    const mid_t mid = CFG::mid::template apply<CFG::SUM_BITS>(sum);
    act_t act = mid;
    if (CFG::HAS_SLOPE) {
        const act_t positive = act_t(mid) << CFG::SLOPE_FRAC;
        const act_t negative = Multiply<(CFG::SLOPE_DSP != 0)>::template of<act_t>(mid, slope);
        act = mid < 0 ? negative : positive;
    }
    return CFG::quant::template apply<CFG::ACT_BITS>(act);
}

#ifdef XNORSR_FAST

template <class SHAPE, class PARAM>
__attribute__((noinline)) void affine_frame(hls::stream<typename SHAPE::in::word> &in,
                                            hls::stream<typename SHAPE::out::word> &out,
                                            const PARAM (&param)[SHAPE::in::C / SHAPE::PE][SHAPE::PE][3]) {
    typedef typename Number<SHAPE::SUM_BITS>::type sum_t;
    static const int C = SHAPE::in::C;
    typename Number<SHAPE::SCALE_BITS>::type scale[C];
    typename Number<SHAPE::BIAS_BITS>::type bias[C];
    typename Number<SHAPE::SLOPE_BITS>::type slope[C];
    for (int c = 0; c < C; c++) {
        scale[c] = param[c / SHAPE::PE][c % SHAPE::PE][0];
        bias[c] = param[c / SHAPE::PE][c % SHAPE::PE][1];
        slope[c] = param[c / SHAPE::PE][c % SHAPE::PE][2];
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
            const PARAM (&param)[CFG::in::C / CFG::PE][CFG::PE][3]) {
    affine_frame<typename CFG::shape>(in, out, param);
}

#else

template <class CFG, class PARAM>
void affine(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
            const PARAM (&param)[CFG::in::C / CFG::PE][CFG::PE][3]) {
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=param dim=2 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=param dim=3 type=complete)
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
        typename Number<CFG::quant::template Bits<CFG::ACT_BITS>::value>::type y[CFG::PE];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
        const typename lanes_in::word fresh = waiting.range(lanes_in::WORD - 1, 0);
        unpack<lanes_in>(fresh, x);
        for (int pe = 0; pe < CFG::PE; pe++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const PARAM(&own)[3] = param[FOLD > 1 ? int(f) : 0][pe];
            y[pe] = affine_channel<CFG>(x[pe], own[0], own[1], own[2]);
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
