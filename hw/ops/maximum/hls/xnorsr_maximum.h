#ifndef XNORSR_MAXIMUM_H_
#define XNORSR_MAXIMUM_H_

#include "xnorsr_common.h"

// Greatest of groups of channels: y[c] is the greatest x[n*C + c], C the channels of the output.
//
// CFG: in, out, H, W, COUNT (channels of each group).

namespace xnorsr {

// A tree: number m of the LEFT that are left of each group becomes the greater one of it and the number half of them
// further on.
template <class CFG, int LEFT> struct Greatest {
    static void of(typename CFG::in::number (&x)[CFG::in::C]) {
        XNORSR_PRAGMA(HLS INLINE)
        static const int HALF = (LEFT + 1) / 2;
        for (int n = 0; n < (LEFT - HALF) * CFG::out::C; n++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const typename CFG::in::number other = x[HALF * CFG::out::C + n];
            if (other > x[n])
                x[n] = other;
        }
        Greatest<CFG, HALF>::of(x);
    }
};
template <class CFG> struct Greatest<CFG, 1> {
    static void of(typename CFG::in::number (&)[CFG::in::C]) {}
};

template <class CFG>
void maximum(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out) {
    static_assert(CFG::in::C == CFG::COUNT * CFG::out::C, "the input of a maximum has COUNT times the channels");
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        typename CFG::in::number x[CFG::in::C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=x dim=0 type=complete)
        unpack<typename CFG::in>(in.read(), x);
        Greatest<CFG, CFG::COUNT>::of(x);
        out.write(pack<typename CFG::out>(x));
    }
}

} // namespace xnorsr

#endif
