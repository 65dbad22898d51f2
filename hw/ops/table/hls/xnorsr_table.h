#ifndef XNORSR_TABLE_H_
#define XNORSR_TABLE_H_

#include "xnorsr_common.h"

// A function of one code: y[c] = table[TABLES > 1 ? c : 0][bits of x[c]].
//
// CFG: in (with unsigned codes: their bits), out, H, W, II (cycles per pixel), TABLES (1 or the number of channels).

namespace xnorsr {

template <class CFG, class T>
void table_frame(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
                 const T (&table)[CFG::TABLES][1 << CFG::in::BITS]) {
    XNORSR_PRAGMA(HLS INLINE)
    static const int C = CFG::in::C;
pixel:
    for (int t = 0; t < CFG::H * CFG::W; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=CFG::II style=flp)
        typename CFG::in::number x[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=x dim=0 type=complete)
        typename Number<CFG::out::BITS + 1>::type y[C];
        XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=y dim=0 type=complete)
        unpack<typename CFG::in>(in.read(), x);
        for (int c = 0; c < C; c++) {
            XNORSR_PRAGMA(HLS UNROLL)
            const int word = x[c];
            y[c] = table[CFG::TABLES > 1 ? c : 0][word];
        }
        out.write(pack<typename CFG::out>(y));
    }
}

template <class CFG, class T>
void table(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
           const T (&table)[CFG::TABLES][1 << CFG::in::BITS]) {
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=table dim=1 type=complete)
    XNORSR_PRAGMA(HLS BIND_STORAGE variable=table type=rom_np)
#ifdef XNORSR_FAST
    table_frame<typename CFG::shape>(in, out, table);
#else
    table_frame<CFG>(in, out, table);
#endif
}

} // namespace xnorsr

#endif
