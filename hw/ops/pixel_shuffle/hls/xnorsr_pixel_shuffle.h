#ifndef XNORSR_PIXEL_SHUFFLE_H_
#define XNORSR_PIXEL_SHUFFLE_H_

#include "xnorsr_common.h"

// Depth to space: C*R*R channels at (H, W) to C channels at (R*H, R*W).
//   CRD: out[c](y*R+i, x*R+j) = in[c*R*R + i*R + j](y, x), as PyTorch does
//   DCR: out[c](y*R+i, x*R+j) = in[(i*R + j)*C + c](y, x)
//
// CFG: in, out, H, W (of the input), R, CRD (1 or 0). Two line buffers: an input line comes in, a pixel every R*R
// cycles, while the R output lines of the one before go out, a pixel per cycle. As synthesized it is one loop with one
// step per cycle. With the last output lines the next frame's first line comes in where that has begun by then.

namespace xnorsr {

template <class CFG> struct Shuffle {
    static const int PART = CFG::out::C * CFG::out::BITS; // one output pixel
    static const int LINE = CFG::R * PART;                // the output pixels of one line that come of one input
    static_assert(CFG::R >= 2, "a pixel shuffle has a factor of 2 or more");
    static_assert(CFG::in::WORD == CFG::R * LINE, "the input of a pixel shuffle has R*R times the channels");
    static constexpr int channel(int i, int j, int c) {
        return CFG::CRD ? (c * CFG::R + i) * CFG::R + j : (i * CFG::R + j) * CFG::out::C + c;
    }
};

#ifdef XNORSR_FAST

template <class CFG>
void pixel_shuffle(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
    typedef Shuffle<CFG> shuffle;
    typedef typename Number<CFG::in::NUMBER>::type number;
    static typename CFG::out::word kept[CFG::R][CFG::W * CFG::R];
    number x[CFG::in::C], y[CFG::out::C];
    for (int line = 0; line < CFG::H; line++) {
        for (int column = 0; column < CFG::W; column++) {
            unpack<typename CFG::in>(in.read(), x);
            for (int i = 0; i < CFG::R; i++)
                for (int j = 0; j < CFG::R; j++) {
                    for (int c = 0; c < CFG::out::C; c++)
                        y[c] = x[shuffle::channel(i, j, c)];
                    kept[i][column * CFG::R + j] = pack<typename CFG::out>(y);
                }
        }
        for (int i = 0; i < CFG::R; i++)
            for (int column = 0; column < CFG::W * CFG::R; column++)
                out.write(kept[i][column]);
    }
}

#else

template <class CFG>
void pixel_shuffle(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
    typedef Shuffle<CFG> shuffle;
    static const int BITS = CFG::in::BITS, R = CFG::R, W = CFG::W;
    static const int LINE = W * R * R; // steps of an input line
    static const int64_t LEAST = int64_t(CFG::H) * LINE, STEPS = LINE + LEAST;
    static const int AFTER_WRITE = R * R + (W - 1) * R; // steps from a word's arrival to its first use, at least
    typedef typename CFG::in::word line_word; // an input pixel, sorted by output lines

    // What stays from frame to frame.
    static line_word kept[2][W]; // [line in or out][input pixel]
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=kept dim=1 type=complete)
    XNORSR_PRAGMA(HLS BIND_STORAGE variable=kept type=ram_s2p)
    XNORSR_PRAGMA(HLS DEPENDENCE variable=kept type=inter direction=RAW distance=AFTER_WRITE dependent=true)
    XNORSR_PRAGMA(HLS DEPENDENCE variable=kept type=inter direction=WAR dependent=false)
    static bool half = false;   // which of them takes the line that comes in
    static bool primed = false; // this frame's first line came in with the last one of the frame before
    XNORSR_PRAGMA(HLS RESET variable=primed)

    ap_uint<shuffle::LINE> current = 0;
    bool follow = false;
    typename Counter<CFG::H + 1>::type n = primed ? 1 : 0; // line n comes in while line n-1 goes out
    typename Counter<R>::type i = 0, j = 0;                // line and pixel that go out, of those of one input pixel
    typename Counter<R * R>::type phase = 0;
    typename Counter<W>::type x = 0, column = 0; // of the input pixel that goes out, and of the one that comes in
step:
    for (typename Steps<STEPS>::type t = primed ? LINE : 0; t < STEPS; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        XNORSR_PRAGMA(HLS LOOP_TRIPCOUNT min=LEAST max=STEPS)
        if (phase == 0) {
            if (n == CFG::H && column == 0)
                follow = !in.empty();
            if (n < CFG::H || follow) {
                const typename CFG::in::word word = in.read();
                line_word sorted = 0;
                for (int k = 0; k < R; k++) {
                    XNORSR_PRAGMA(HLS UNROLL)
                    for (int m = 0; m < R; m++) {
                        XNORSR_PRAGMA(HLS UNROLL)
                        for (int c = 0; c < CFG::out::C; c++) {
                            XNORSR_PRAGMA(HLS UNROLL)
                            const int from = shuffle::channel(k, m, c) * BITS;
                            const int to = k * shuffle::LINE + (m * CFG::out::C + c) * BITS;
                            const ap_uint<BITS> code = word.range(from + BITS - 1, from);
                            sorted.range(to + BITS - 1, to) = code;
                        }
                    }
                }
                kept[half ? 1 : 0][column] = sorted;
            }
            column = column == W - 1 ? 0 : int(column) + 1;
        }
        phase = phase == R * R - 1 ? 0 : int(phase) + 1;
        if (n > 0) {
            if (j == 0) {
                const line_word all = kept[half ? 0 : 1][x];
                for (int k = 0; k < R; k++) {
                    XNORSR_PRAGMA(HLS UNROLL)
                    if (i == k)
                        current = all.range((k + 1) * shuffle::LINE - 1, k * shuffle::LINE);
                }
            }
            const typename CFG::out::word fresh = current.range(shuffle::PART - 1, 0);
            out.write(fresh);
            current = current >> shuffle::PART;
        }
        const bool last_part = j == R - 1, last_pixel = last_part && x == W - 1, last_line = last_pixel && i == R - 1;
        j = last_part ? 0 : int(j) + 1;
        if (last_part)
            x = last_pixel ? 0 : int(x) + 1;
        if (last_pixel)
            i = last_line ? 0 : int(i) + 1;
        if (last_line) {
            n = int(n) + 1;
            half = !half;
        }
    }
    primed = follow;
}

#endif

} // namespace xnorsr

#endif
