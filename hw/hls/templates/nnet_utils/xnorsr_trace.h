#ifndef XNORSR_TRACE_H_
#define XNORSR_TRACE_H_

#include "xnorsr_common.h"

// XNORSR_TRACE_STREAM(index, P, pixels, stream) copies the codes of a whole frame out of a stream, in C-simulation
// compiled with -DXNORSR_TRACE; elsewhere it is nothing.

#if defined(XNORSR_TRACE) && !defined(__SYNTHESIS__)
namespace xnorsr {

// Where the bridge wants the codes of traced layer `index`, (H, W, C); a null pointer: not at all.
extern int64_t *const *trace_sink;

template <class P> void trace_stream(int index, int pixels, hls::stream<typename P::word> &stream) {
    int64_t *sink = trace_sink ? trace_sink[index] : 0;
    for (int t = 0; sink && t < pixels; t++) {
        const typename P::word word = stream.read();
        unpack<P>(word, sink + (int64_t)t * P::C);
        stream.write(word);
    }
}

} // namespace xnorsr
#define XNORSR_TRACE_STREAM(index, P, pixels, stream) xnorsr::trace_stream<P>(index, pixels, stream);
#else
#define XNORSR_TRACE_STREAM(index, P, pixels, stream)
#endif

#endif
