#ifndef XNORSR_FORK_H_
#define XNORSR_FORK_H_

#include "xnorsr_common.h"

// One stream to several consumers: every beat goes to all outputs.

namespace xnorsr {

template <class WORD> inline void write_all(const WORD &) { XNORSR_PRAGMA(HLS INLINE) }

template <class WORD, class... OTHERS>
inline void write_all(const WORD &word, hls::stream<WORD> &first, OTHERS &...others) {
    XNORSR_PRAGMA(HLS INLINE)
    first.write(word);
    write_all(word, others...);
}

// CFG: H, W.
template <class CFG, class WORD, class... OUTPUTS> void fork(hls::stream<WORD> &in, OUTPUTS &...outputs) {
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        const WORD word = in.read();
        write_all(word, outputs...);
    }
}

} // namespace xnorsr

#endif
