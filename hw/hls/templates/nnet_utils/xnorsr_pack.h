#ifndef XNORSR_PACK_H_
#define XNORSR_PACK_H_

// Words to channels and back. P is a Pixels type.
//   unpack<P>(word, x): x[c] = code of channel c (its value -1 or +1 where P is bipolar).
//   pack<P>(x): the word with the low P::BITS bits of each x[c]; for a bipolar P, x[c] is a code, 0 or 1.

namespace xnorsr {

#ifdef XNORSR_FAST

// 64-bit chunk k of a word. With the open ap_types the words are read in place, which is far faster than range().
template <int W> inline uint64_t get_chunk(const ap_uint<W> &word, int k) {
#ifdef XNORSR_OPEN_AP_TYPES
    return (uint64_t)word.V.get_pVal(k);
#else
    const int hi = 64 * k + 63 < W ? 64 * k + 63 : W - 1;
    return word.range(hi, 64 * k).to_uint64();
#endif
}

template <int W> inline void set_chunk(ap_uint<W> &word, int k, uint64_t bits) {
#ifdef XNORSR_OPEN_AP_TYPES
    word.V.set_pVal(k, bits);
#else
    const int hi = 64 * k + 63 < W ? 64 * k + 63 : W - 1;
    word.range(hi, 64 * k) = ap_uint<64>(bits);
#endif
}

template <class P> inline uint64_t code_mask() { return P::BITS == 64 ? ~0ULL : (1ULL << (P::BITS % 64)) - 1; }

template <class P, class T> inline void unpack(const typename P::word &word, T x[P::C]) {
    static const int CHUNKS = (P::WORD + 63) / 64;
    uint64_t chunk[CHUNKS + 1];
    for (int k = 0; k < CHUNKS; k++)
        chunk[k] = get_chunk(word, k);
    chunk[CHUNKS] = 0;
#pragma GCC unroll 64
    for (int c = 0; c < P::C; c++) {
        const int bit = c * P::BITS, k = bit / 64, shift = bit % 64;
        uint64_t code = chunk[k] >> shift;
        if (shift + P::BITS > 64)
            code |= chunk[k + 1] << (64 - shift);
        if (P::BIPOLAR)
            x[c] = (T)(2 * (int)(code & 1) - 1);
        else if (P::SIGNED)
            x[c] = (T)((int64_t)(code << (64 - P::BITS)) >> (64 - P::BITS));
        else
            x[c] = (T)(code & code_mask<P>());
    }
}

template <class P, class T> inline typename P::word pack(const T x[P::C]) {
    static const int CHUNKS = (P::WORD + 63) / 64;
    uint64_t chunk[CHUNKS + 1] = {0};
#pragma GCC unroll 64
    for (int c = 0; c < P::C; c++) {
        const int bit = c * P::BITS, k = bit / 64, shift = bit % 64;
        const uint64_t code = (uint64_t)(int64_t)x[c] & code_mask<P>();
        chunk[k] |= code << shift;
        if (shift + P::BITS > 64)
            chunk[k + 1] |= code >> (64 - shift);
    }
    typename P::word word;
    for (int k = 0; k < CHUNKS; k++)
        set_chunk(word, k, chunk[k]);
    return word;
}

#else

template <class P, class T> inline void unpack(const typename P::word &word, T x[P::C]) {
    XNORSR_PRAGMA(HLS INLINE)
    for (int c = 0; c < P::C; c++) {
        XNORSR_PRAGMA(HLS UNROLL)
        const ap_uint<P::BITS> code = word.range((c + 1) * P::BITS - 1, c * P::BITS);
        if (P::BIPOLAR) {
            x[c] = code[0] ? 1 : -1;
        } else if (P::SIGNED) {
            const ap_int<P::BITS> number = code;
            x[c] = number;
        } else {
            x[c] = code;
        }
    }
}

template <class P, class T> inline typename P::word pack(const T x[P::C]) {
    XNORSR_PRAGMA(HLS INLINE)
    typename P::word word;
    for (int c = 0; c < P::C; c++) {
        XNORSR_PRAGMA(HLS UNROLL)
        const ap_uint<P::BITS> code = x[c];
        word.range((c + 1) * P::BITS - 1, c * P::BITS) = code;
    }
    return word;
}

#endif

} // namespace xnorsr

#endif
