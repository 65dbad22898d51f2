#ifndef XNORSR_SELECT_H_
#define XNORSR_SELECT_H_

#include "xnorsr_common.h"

// Channels in any order: y[n] = x[channels[n]].
//
// CFG: in, out, H, W, channels (Numbers of the input's channels, one for each of the output).

namespace xnorsr {

template <class CFG>
void select(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        typename CFG::in::number x[CFG::in::C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=x dim=0 type=complete)
        typename CFG::out::number y[CFG::out::C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
        unpack<typename CFG::in>(in.read(), x);
        for (int n = 0; n < CFG::out::C; n++) {
            XNORSR_PRAGMA(HLS UNROLL)
            y[n] = x[CFG::channels::at(n)];
        }
        out.write(pack<typename CFG::out>(y));
    }
}

} // namespace xnorsr

#endif
