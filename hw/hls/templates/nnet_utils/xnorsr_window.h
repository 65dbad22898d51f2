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
    static const int LINES = K > 1 ? K - 1 : 1;
    static const int PIXELS = H * W;
    static const int LEAD = PAD * W + PAD; // pixels that go in before the first output
};

// Shifts one pixel in. `lines[x]` holds the K-1 pixels above column x, the uppermost first.
template <int K, int W, class T>
inline void shift_in(T lines[W][K > 1 ? K - 1 : 1], T taps[K][K], int &column, const T &pixel) {
    XNORSR_PRAGMA(HLS INLINE)
    T fresh[K];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=fresh dim=0 type=complete)
    for (int i = 0; i < K - 1; i++) {
        XNORSR_PRAGMA(HLS UNROLL)
        fresh[i] = lines[column][i];
    }
    fresh[K - 1] = pixel;
    for (int i = 0; i < K - 1; i++) {
        XNORSR_PRAGMA(HLS UNROLL)
        lines[column][i] = fresh[i + 1];
    }
    for (int i = 0; i < K; i++) {
        XNORSR_PRAGMA(HLS UNROLL)
        for (int j = 0; j < K - 1; j++) {
            XNORSR_PRAGMA(HLS UNROLL)
            taps[i][j] = taps[i][j + 1];
        }
        taps[i][K - 1] = fresh[i];
    }
    column = column == W - 1 ? 0 : column + 1;
}

// Whether tap i of a window centred at coordinate y lies outside [0, SIZE).
template <int K, int SIZE> inline bool beyond(int y, int i) {
    XNORSR_PRAGMA(HLS INLINE)
    return y + i < K / 2 || y + i >= SIZE + K / 2;
}

} // namespace xnorsr

#endif
