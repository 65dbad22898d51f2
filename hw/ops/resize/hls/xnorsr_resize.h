#ifndef XNORSR_RESIZE_H_
#define XNORSR_RESIZE_H_

#include "xnorsr_window.h"

// Resize by R in polyphase form: C channels to C*R*R at the same (H, W), a CRD pixel shuffle still to come. Channel
// c*R*R + i*R + j is pixel (y*R+i, x*R+j) of the resized image. Edges repeat.
//   nearest: x itself.
//   bilinear, half-pixel centres: along one axis, phase i weighs its pixel and one neighbour with
//   DEN - |n| and |n|, n = 2i + 1 - R, DEN = 2R (even R); n/2 and DEN = R (odd R). One loop, one step per cycle: LEAD
//   steps that only take pixels, then one for each output.
//
// CFG: in, out, H, W, R, SUM_BITS (bits of the weighted sum), quant (Requant or Exact).

namespace xnorsr {

template <int R> struct Bilinear {
    static constexpr int STEP = R % 2 == 0 ? 1 : 2;
    static constexpr int DEN = R % 2 == 0 ? 2 * R : R;
    static constexpr int offset(int phase) { return (2 * phase + 1 - R) / STEP; }
    static constexpr int magnitude(int n) { return n < 0 ? -n : n; }
    // Weight of x[-1], x[0], x[+1] for tap 0, 1, 2.
    static constexpr int weight(int phase, int tap) {
        return tap == 1   ? DEN - magnitude(offset(phase))
               : tap == 0 ? (offset(phase) < 0 ? -offset(phase) : 0)
                          : (offset(phase) > 0 ? offset(phase) : 0);
    }
};

template <class CFG>
void resize_nearest(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
    static const int PHASES = CFG::R * CFG::R;
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        typename CFG::in::number x[CFG::in::C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=x dim=0 type=complete)
        typename Number<CFG::quant::template Bits<CFG::in::NUMBER>::value>::type y[CFG::out::C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
        unpack<typename CFG::in>(in.read(), x);
        for (int c = 0; c < CFG::out::C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            y[c] = CFG::quant::template apply<CFG::in::NUMBER>(x[c / PHASES]);
        }
        out.write(pack<typename CFG::out>(y));
    }
}

// The resized phases of one pixel, from its window with the edges repeated.
template <class CFG, class T>
inline typename CFG::out::word bilinear_pixel(const T (&tap)[3][3][CFG::in::C]) {
    XNORSR_PRAGMA(HLS INLINE)
    typedef Bilinear<CFG::R> weights;
    typedef typename Number<CFG::SUM_BITS>::type sum_t;
    typename Number<CFG::quant::template Bits<CFG::SUM_BITS>::value>::type y[CFG::out::C];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
    for (int c = 0; c < CFG::in::C; c++) {
        XNORSR_PRAGMA(HLS UNROLL)
        for (int i = 0; i < CFG::R; i++) {
            XNORSR_PRAGMA(HLS UNROLL)
            sum_t column[3];
            XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=column dim=0 type=complete)
            for (int b = 0; b < 3; b++) {
                XNORSR_PRAGMA(HLS UNROLL)
                column[b] = tap[0][b][c] * weights::weight(i, 0) + tap[1][b][c] * weights::weight(i, 1) +
                            tap[2][b][c] * weights::weight(i, 2);
            }
            for (int j = 0; j < CFG::R; j++) {
                XNORSR_PRAGMA(HLS UNROLL)
                const sum_t sum = column[0] * weights::weight(j, 0) + column[1] * weights::weight(j, 1) +
                                  column[2] * weights::weight(j, 2);
                y[(c * CFG::R + i) * CFG::R + j] = CFG::quant::template apply<CFG::SUM_BITS>(sum);
            }
        }
    }
    return pack<typename CFG::out>(y);
}

template <class CFG>
void resize_bilinear(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
    typedef WindowShape<3, CFG::H, CFG::W> shape;
    typedef typename CFG::in::word pixel;
#ifdef XNORSR_FAST
    typedef typename Number<CFG::SUM_BITS>::type number; // wide enough for products in machine integers
#else
    typedef typename CFG::in::number number;
#endif
    typedef LineBuffer<3, typename CFG::in> buffer;
    static const int LEAD = shape::LEAD, COLUMNS = CFG::W;
    static const int LEAST = shape::PIXELS, STEPS = LEAD + LEAST;

    // What stays from frame to frame.
    static typename buffer::word lines[buffer::WORDS][CFG::W];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=lines dim=1 type=complete)
    XNORSR_PRAGMA(HLS BIND_STORAGE variable=lines type=ram_s2p)
    XNORSR_PRAGMA(HLS DEPENDENCE variable=lines type=inter direction=RAW distance=COLUMNS dependent=true)
    static pixel taps[3][3];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=taps dim=0 type=complete)
    static typename Counter<CFG::W>::type column = 0;
    static bool primed = false; // the first LEAD pixels of this frame came with the frame before
    XNORSR_PRAGMA(HLS RESET variable=primed)

    bool follow = false;
    int coming = primed ? LEAD : 0;
    typename Counter<CFG::H>::type y = 0;
    typename Counter<CFG::W>::type x = 0;
step:
    for (int t = coming; t < STEPS; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        XNORSR_PRAGMA(HLS LOOP_TRIPCOUNT min=LEAST max=STEPS)
        const pixel fresh = next_pixel<shape::PIXELS, LEAD>(in, coming, follow);
        coming++;
        shift_in<3, CFG::W, typename CFG::in>(lines, taps, column, fresh);
        if (t >= LEAD) {
            number tap[3][3][CFG::in::C];
            XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=tap dim=0 type=complete)
            for (int i = 0; i < 3; i++) {
                XNORSR_PRAGMA(HLS UNROLL)
                for (int j = 0; j < 3; j++) {
                    XNORSR_PRAGMA(HLS UNROLL)
                    pixel near = taps[i][j];
                    if (beyond<3, CFG::H>(y, i) && beyond<3, CFG::W>(x, j))
                        near = taps[1][1];
                    else if (beyond<3, CFG::H>(y, i))
                        near = taps[1][j];
                    else if (beyond<3, CFG::W>(x, j))
                        near = taps[i][1];
                    unpack<typename CFG::in>(near, tap[i][j]);
                }
            }
            out.write(bilinear_pixel<CFG>(tap));
            const bool end_of_line = x == CFG::W - 1;
            x = end_of_line ? 0 : int(x) + 1;
            if (end_of_line)
                y = int(y) + 1;
        }
    }
    primed = follow;
}

} // namespace xnorsr

#endif
