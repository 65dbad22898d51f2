#ifndef XNORSR_PIXEL_UNSHUFFLE_H_
#define XNORSR_PIXEL_UNSHUFFLE_H_

#include "xnorsr_common.h"

// Space to depth: C channels at (H, W) to C*R*R channels at (H/R, W/R).
//   CRD: out[c*R*R + i*R + j](y, x) = in[c](y*R+i, x*R+j), as PyTorch does
//   DCR: out[(i*R + j)*C + c](y, x) = in[c](y*R+i, x*R+j), as ONNX does
//
// CFG: in, out, H, W (of the input), R (divides both), CRD (1 or 0). Two buffers of R lines: the lines of one line of
// blocks come in, a pixel per cycle, while those before go out, a pixel every R*R cycles, so that what reads them may
// take as long. As synthesized it is one loop with one step per cycle. With the frame's last output line the next
// frame's first R lines come in where that has begun by then.

namespace xnorsr {

template <class CFG> struct Unshuffle {
    static_assert(CFG::R >= 2 && CFG::H % CFG::R == 0 && CFG::W % CFG::R == 0, "whole blocks of 2 x 2 or more");
    static_assert(CFG::out::C == CFG::R * CFG::R * CFG::in::C, "the output of a pixel unshuffle has R*R times the channels");
    static const int PART = CFG::R * CFG::in::WORD; // what a line gives to an output pixel
    static_assert(PART <= MAX_WORD, "R pixels have at most 4096 bits");
    static constexpr int channel(int i, int j, int c) {
        return CFG::CRD ? (c * CFG::R + i) * CFG::R + j : (i * CFG::R + j) * CFG::in::C + c;
    }
};

#ifdef XNORSR_FAST

template <class CFG>
void pixel_unshuffle(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
    typedef Unshuffle<CFG> unshuffle;
    static typename CFG::in::word kept[CFG::R][CFG::W];
    typename Number<CFG::in::NUMBER>::type x[CFG::in::C];
    typename Number<CFG::out::NUMBER>::type y[CFG::out::C];
    for (int line = 0; line < CFG::H / CFG::R; line++) {
        for (int i = 0; i < CFG::R; i++)
            for (int column = 0; column < CFG::W; column++)
                kept[i][column] = in.read();
        for (int block = 0; block < CFG::W / CFG::R; block++) {
            for (int i = 0; i < CFG::R; i++)
                for (int j = 0; j < CFG::R; j++) {
                    unpack<typename CFG::in>(kept[i][block * CFG::R + j], x);
                    for (int c = 0; c < CFG::in::C; c++)
                        y[unshuffle::channel(i, j, c)] = x[c];
                }
            out.write(pack<typename CFG::out>(y));
        }
    }
}

#else

template <class CFG>
void pixel_unshuffle(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
    typedef Unshuffle<CFG> unshuffle;
    static const int BITS = CFG::in::BITS, PIXEL = CFG::in::WORD, R = CFG::R, W = CFG::W, BLOCKS = W / R;
    static const int64_t LINES = int64_t(R) * W, LEAST = int64_t(CFG::H) * W, STEPS = LINES + LEAST;
    static const int AFTER_WRITE = W - R + R * R; // steps from a word's arrival to its use, at least
    typedef ap_uint<unshuffle::PART> part_word;    // R pixels of a line

    // What stays from frame to frame.
    static part_word kept[2][R][BLOCKS]; // [lines in or out][line][block]
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=kept dim=1 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=kept dim=2 type=complete)
    XNORSR_PRAGMA(HLS BIND_STORAGE variable=kept type=ram_s2p)
    XNORSR_PRAGMA(HLS DEPENDENCE variable=kept type=inter direction=RAW distance=AFTER_WRITE dependent=true)
    XNORSR_PRAGMA(HLS DEPENDENCE variable=kept type=inter direction=WAR dependent=false)
    static bool half = false;   // which of them takes the lines that come in
    static bool primed = false; // this frame's first R lines came in with the last ones of the frame before
    XNORSR_PRAGMA(HLS RESET variable=primed)

    part_word gathered = 0;
    bool follow = false;
    typename Counter<CFG::H / R + 1>::type n = primed ? 1 : 0; // lines of block n come in while those of n-1 go out
    typename Counter<R>::type i = 0, j = 0;                    // line and column of the pixel that comes in, in its block
    typename Counter<BLOCKS>::type block = 0, x = 0;           // of the pixel that comes in, and of the one that goes out
    typename Counter<R * R>::type phase = 0;
step:
    for (typename Steps<STEPS>::type t = primed ? LINES : 0; t < STEPS; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        XNORSR_PRAGMA(HLS LOOP_TRIPCOUNT min=LEAST max=STEPS)
        if (n == CFG::H / R && i == 0 && j == 0 && block == 0)
            follow = !in.empty();
        if (n < CFG::H / R || follow) {
            gathered = gathered >> PIXEL;
            gathered.range(unshuffle::PART - 1, unshuffle::PART - PIXEL) = in.read();
            if (j == R - 1)
                kept[half ? 1 : 0][i][block] = gathered;
        }
        if (phase == R * R - 1) {
            if (n > 0) {
                typename CFG::out::word word = 0;
                for (int k = 0; k < R; k++) {
                    XNORSR_PRAGMA(HLS UNROLL)
                    const part_word part = kept[half ? 0 : 1][k][x];
                    for (int m = 0; m < R; m++) {
                        XNORSR_PRAGMA(HLS UNROLL)
                        for (int c = 0; c < CFG::in::C; c++) {
                            XNORSR_PRAGMA(HLS UNROLL)
                            const int from = (m * CFG::in::C + c) * BITS, to = unshuffle::channel(k, m, c) * BITS;
                            const ap_uint<BITS> code = part.range(from + BITS - 1, from);
                            word.range(to + BITS - 1, to) = code;
                        }
                    }
                }
                out.write(word);
            }
            x = x == BLOCKS - 1 ? 0 : int(x) + 1;
        }
        phase = phase == R * R - 1 ? 0 : int(phase) + 1;
        const bool last_column = j == R - 1, last_block = last_column && block == BLOCKS - 1;
        const bool last_line = last_block && i == R - 1;
        j = last_column ? 0 : int(j) + 1;
        if (last_column)
            block = last_block ? 0 : int(block) + 1;
        if (last_block)
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
