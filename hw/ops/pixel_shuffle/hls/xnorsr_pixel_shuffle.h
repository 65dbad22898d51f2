#ifndef XNORSR_PIXEL_SHUFFLE_H_
#define XNORSR_PIXEL_SHUFFLE_H_

#include "xnorsr_common.h"

// Depth to space: C*R*R channels at (H, W) to C channels at (R*H, R*W).
//   CRD: out[c](y*R+i, x*R+j) = in[c*R*R + i*R + j](y, x), as PyTorch does
//   DCR: out[c](y*R+i, x*R+j) = in[(i*R + j)*C + c](y, x)
//
// CFG: in, out, H, W (of the input), R, CRD (1 or 0). Two line buffers: an input line comes in, a pixel every R*R
// cycles, while the R output lines of the one before go out, a pixel per cycle.

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
    static const int BITS = CFG::in::BITS;
    typedef ap_uint<shuffle::LINE> line_t;
    XNORSR_BUFFER line_t kept[2][CFG::W][CFG::R]; // [line in or out][input pixel][output line]
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=kept dim=1 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=kept dim=3 type=complete)
    XNORSR_PRAGMA(HLS BIND_STORAGE variable=kept type=ram_2p)
    line_t current = 0;
row:
    for (int n = 0; n <= CFG::H; n++) { // line n comes in while line n-1 goes out
        int column = 0, phase = 0;
    line:
        for (int i = 0; i < CFG::R; i++) {
        pixel:
            for (int x = 0; x < CFG::W; x++) {
            part:
                for (int j = 0; j < CFG::R; j++) {
                    XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
                    if (phase == 0 && n < CFG::H) {
                        const typename CFG::in::word word = in.read();
                        for (int k = 0; k < CFG::R; k++) {
                            XNORSR_PRAGMA(HLS UNROLL)
                            line_t sorted = 0;
                            for (int m = 0; m < CFG::R; m++) {
                                XNORSR_PRAGMA(HLS UNROLL)
                                for (int c = 0; c < CFG::out::C; c++) {
                                    XNORSR_PRAGMA(HLS UNROLL)
                                    const int from = shuffle::channel(k, m, c) * BITS, to = (m * CFG::out::C + c) * BITS;
                                    const ap_uint<BITS> code = word.range(from + BITS - 1, from);
                                    sorted.range(to + BITS - 1, to) = code;
                                }
                            }
                            kept[n % 2][column][k] = sorted;
                        }
                        column++;
                    }
                    phase = phase == CFG::R * CFG::R - 1 ? 0 : phase + 1;
                    if (n > 0) {
                        if (j == 0)
                            current = kept[1 - n % 2][x][i];
                        const typename CFG::out::word fresh = current.range(shuffle::PART - 1, 0);
                        out.write(fresh);
                        current = current >> shuffle::PART;
                    }
                }
            }
        }
    }
}

#endif

} // namespace xnorsr

#endif
