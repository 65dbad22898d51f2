#ifndef XNORSR_STATE_H_
#define XNORSR_STATE_H_

#include "xnorsr_common.h"

// What a kernel keeps from frame to frame is a static register of it. In the C-simulation library, compiled with
// -DXNORSR_STATES, the caller may give the state of each frame and gets the next one's:
//   XNORSR_READ_STATE(CFG, P, word)   word = the codes that the caller gave for state CFG::STATE, if it gave some
//   XNORSR_WRITE_STATE(CFG, P, word)  gives them back
// Elsewhere both are nothing.

#if defined(XNORSR_STATES) && !defined(__SYNTHESIS__)
namespace xnorsr {

// For each state the codes of its channels; a null pointer: the registers carry them.
extern int64_t *const *states;

} // namespace xnorsr
#define XNORSR_READ_STATE(CFG, P, word)                                                                                \
    if (xnorsr::states)                                                                                                \
        word = xnorsr::pack<P>(xnorsr::states[CFG::STATE]);
#define XNORSR_WRITE_STATE(CFG, P, word)                                                                               \
    if (xnorsr::states)                                                                                                \
        xnorsr::unpack<P>(word, xnorsr::states[CFG::STATE]);
#else
#define XNORSR_READ_STATE(CFG, P, word)
#define XNORSR_WRITE_STATE(CFG, P, word)
#endif

#endif
