#ifndef XNORSR_TOY_ABSOLUTE_H_
#define XNORSR_TOY_ABSOLUTE_H_

#include "xnorsr_common.h"

// Per channel: y = min(|x|, MOST).
//
// CFG: in, out, H, W, MOST.

namespace xnorsr {

template <class CFG>
void toy_absolute(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
    typedef typename Number<CFG::in::NUMBER + 1>::type number;
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        number x[CFG::in::C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=x dim=0 type=complete)
        unpack<typename CFG::in>(in.read(), x);
        for (int c = 0; c < CFG::in::C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const number negative = -x[c];
            const number size = x[c] < 0 ? negative : x[c];
            x[c] = size > CFG::MOST ? number(CFG::MOST) : size;
        }
        out.write(pack<typename CFG::out>(x));
    }
}

} // namespace xnorsr

#endif
