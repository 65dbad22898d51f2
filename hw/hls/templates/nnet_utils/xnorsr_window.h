#ifndef XNORSR_WINDOW_H_
#define XNORSR_WINDOW_H_

#include "xnorsr_common.h"

// The sliding window of a K x K neighbourhood over a raster stream, without a bubble between lines.
//
// Pixels are numbered in raster order, t = y*W + x. After pixel t was shifted in, tap (i, j) holds pixel
// t - (K-1-i)*W - (K-1-j), whatever line that lies in: seen from the output pixel o = t - LEAD it is the neighbour at
// (i - K/2, j - K/2), unless that lies beyond the frame. `beyond` says so, and the kernel replaces such taps; so a
// frame may be smaller than the kernel, and buffers need no clearing between frames.

namespace xnorsr {

template <int K, int H, int W> struct WindowShape {
    static const int PAD = K / 2;
    static const int PIXELS = H * W;
    static const int LEAD = PAD * W + PAD; // pixels that go in before the first output
};

// The pixel that goes into a window next, number `coming` of the frame. Behind the last one, LEAD more go in so that the
// last windows fill up. Where the next frame has begun by then, they are its first pixels, `follow` says so, and the next
// call begins with them inside: frames follow each other without a pause. Otherwise they are zeros, and the window is
// empty again. Once begun, a frame's pixels are waited for, as in the middle of a frame.
template <int PIXELS, int LEAD, class WORD>
inline WORD next_pixel(hls::stream<WORD> &in, int coming, bool &follow) {
    XNORSR_PRAGMA(HLS INLINE)
    WORD fresh = 0;
    if (LEAD <= PIXELS && coming == PIXELS)
        follow = !in.empty();
    if (coming < PIXELS || follow)
        fresh = in.read();
    return fresh;
}

// The line buffer: for each column the K - 1 pixels above, the uppermost first, side by side in one word; in several
// memories where one word would have more bits than a word may have.
template <int K, class P> struct LineBuffer {
    static const int LINES = K > 1 ? K - 1 : 1;
    static const int MOST = MAX_WORD / P::WORD;
    static const int IN_WORD = LINES < MOST ? LINES : MOST;
    static const int WORDS = (LINES + IN_WORD - 1) / IN_WORD;
    typedef ap_uint<IN_WORD * P::WORD> word;
    static_assert(IN_WORD * P::WORD <= MAX_WORD, "a word of a line buffer has at most 4096 bits");
};

// Shifts one pixel in: of each memory one word is read, and one is written at the same place.
template <int K, int W, class P>
inline void shift_in(typename LineBuffer<K, P>::word lines[LineBuffer<K, P>::WORDS][W], typename P::word taps[K][K],
                     typename Counter<W>::type &column, const typename P::word &pixel) {
    XNORSR_PRAGMA(HLS INLINE)
    typedef LineBuffer<K, P> buffer;
    typename P::word fresh[K];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=fresh dim=0 type=complete)
    fresh[K - 1] = pixel;
    if (K > 1) {
        typename buffer::word above[buffer::WORDS];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=above dim=0 type=complete)
        for (int n = 0; n < buffer::WORDS; n++) {
            XNORSR_PRAGMA(HLS UNROLL)
            above[n] = lines[n][column];
        }
        for (int i = 0; i < K - 1; i++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const int first = i % buffer::IN_WORD * P::WORD;
            fresh[i] = above[i / buffer::IN_WORD].range(first + P::WORD - 1, first);
        }
        for (int i = 0; i < K - 1; i++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const int first = i % buffer::IN_WORD * P::WORD;
            above[i / buffer::IN_WORD].range(first + P::WORD - 1, first) = fresh[i + 1];
        }
        for (int n = 0; n < buffer::WORDS; n++) {
            XNORSR_PRAGMA(HLS UNROLL)
            lines[n][column] = above[n];
        }
    }
    for (int i = 0; i < K; i++) {
        XNORSR_PRAGMA(HLS UNROLL)
        for (int j = 0; j < K - 1; j++) {
            XNORSR_PRAGMA(HLS UNROLL)
            taps[i][j] = taps[i][j + 1];
        }
        taps[i][K - 1] = fresh[i];
    }
    column = column == W - 1 ? 0 : int(column) + 1;
}

// Whether tap i of a window centred at coordinate y lies outside [0, SIZE).
template <int K, int SIZE> inline bool beyond(int y, int i) {
    XNORSR_PRAGMA(HLS INLINE)
    return y + i < K / 2 || y + i >= SIZE + K / 2;
}

} // namespace xnorsr

#endif
