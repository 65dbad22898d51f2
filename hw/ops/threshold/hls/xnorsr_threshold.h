#ifndef XNORSR_THRESHOLD_H_
#define XNORSR_THRESHOLD_H_

#include "xnorsr_common.h"

// Per channel: code = BASE + number of i with sign*x >= threshold[i], thresholds ascending. One level is a sign.
//
// CFG: in, out, H, W, LEVELS, BASE. Hardware finds the number by bisection: log2(LEVELS) comparators a channel.

namespace xnorsr {

template <class CFG> struct ThresholdNumber {
    static const int BITS = CFG::in::NUMBER + 1; // -x, or one above the greatest x
    typedef typename Number<BITS>::type type;
};

#ifdef XNORSR_FAST

template <class SHAPE, class T>
void threshold_frame(hls::stream<typename SHAPE::in::word> &in, hls::stream<typename SHAPE::out::word> &out,
                     const T (&threshold)[SHAPE::in::C][SHAPE::LEVELS], const int8_t (&sign)[SHAPE::in::C]) {
    typedef typename ThresholdNumber<SHAPE>::type number;
    static const int C = SHAPE::in::C;
    static number level[SHAPE::LEVELS][C];
    number x[C], s[C];
    int32_t code[C];
    for (int c = 0; c < C; c++) {
        s[c] = sign[c];
        for (int i = 0; i < SHAPE::LEVELS; i++)
            level[i][c] = threshold[c][i];
    }
    for (int t = 0; t < SHAPE::H * SHAPE::W; t++) {
        unpack<typename SHAPE::in>(in.read(), x);
        for (int c = 0; c < C; c++)
            code[c] = SHAPE::BASE;
        if (SHAPE::LEVELS <= 16) {
            for (int i = 0; i < SHAPE::LEVELS; i++)
                for (int c = 0; c < C; c++)
                    code[c] += x[c] * s[c] >= level[i][c] ? 1 : 0;
        } else {
            for (int c = 0; c < C; c++) {
                int lo = 0, hi = SHAPE::LEVELS; // thresholds below lo are reached, those from hi on are not
                while (lo < hi) {
                    const int mid = (lo + hi) / 2;
                    if (x[c] * s[c] >= threshold[c][mid])
                        lo = mid + 1;
                    else
                        hi = mid;
                }
                code[c] += lo;
            }
        }
        out.write(pack<typename SHAPE::out>(code));
    }
}

template <class CFG, class T>
void threshold(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
               const T (&threshold)[CFG::in::C][CFG::LEVELS], const int8_t (&sign)[CFG::in::C]) {
    threshold_frame<typename CFG::shape>(in, out, threshold, sign);
}

#else

template <class CFG, class T>
void threshold(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
               const T (&threshold)[CFG::in::C][CFG::LEVELS], const int8_t (&sign)[CFG::in::C]) {
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=threshold dim=1 type=complete)
    XNORSR_PRAGMA(HLS BIND_STORAGE variable=threshold type=rom_np impl=lutram)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=sign dim=0 type=complete)
    typedef typename ThresholdNumber<CFG>::type number;
    static const int C = CFG::in::C;
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        typename CFG::in::number x[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=x dim=0 type=complete)
        ap_int<CFG::out::NUMBER + 1> code[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=code dim=0 type=complete)
        unpack<typename CFG::in>(in.read(), x);
        for (int c = 0; c < C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            number value = x[c];
            if (sign[c] < 0)
                value = -x[c];
            ap_uint<16> count = 0;
            for (int step = CFG::STEPS - 1; step >= 0; step--) {
                XNORSR_PRAGMA(HLS UNROLL)
                const ap_uint<16> next = count + (1 << step);
                const ap_uint<16> index = next <= CFG::LEVELS ? ap_uint<16>(next - 1) : ap_uint<16>(0);
                const number limit = threshold[c][index];
                if (next <= CFG::LEVELS && value >= limit)
                    count = next;
            }
            code[c] = count + CFG::BASE;
        }
        out.write(pack<typename CFG::out>(code));
    }
}

#endif

} // namespace xnorsr

#endif
