#ifndef XNORSR_BROADCAST_H_
#define XNORSR_BROADCAST_H_

#include "xnorsr_common.h"

// One channel for all channels, one pixel for all pixels of a frame.
//
// CFG: in, out, COUNT (beats of the output in a frame), BEATS (of them for each of the input).

namespace xnorsr {

template <class CFG>
void broadcast(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
    typename CFG::in::word word = 0;
    int left = 0; // beats that the word is still for
pixel:
    for (int t = 0; t < CFG::COUNT; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        if (left == 0) {
            word = in.read();
            left = CFG::BEATS;
        }
        left--;
        typename CFG::out::word wide;
        for (int k = 0; k < CFG::out::C / CFG::in::C; k++) {
            XNORSR_PRAGMA(HLS UNROLL)
            wide.range((k + 1) * CFG::in::WORD - 1, k * CFG::in::WORD) = word;
        }
        out.write(wide);
    }
}

} // namespace xnorsr

#endif
