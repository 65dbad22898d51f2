#ifndef XNORSR_COMMON_H_
#define XNORSR_COMMON_H_

// What all kernels share: pragmas behind macros, number types, streams of packed pixels, requantization.
//
// The kernels exist in two forms. The bit-true form is what an HLS compiler reads: ap_int<N> numbers of exact width,
// folding loops, pragmas. The fast form is for C-simulation only: machine integers and machine popcount.
// C-simulation takes the fast form unless XNORSR_BIT_TRUE is defined; both give the same codes.

// The widest word that Vitis HLS documents. Every word of a kernel is checked against it.
#ifndef AP_INT_MAX_W
#define AP_INT_MAX_W 4096
#endif

#include "ap_int.h"
#include "hls_stream.h"
#include <stdint.h>

// Pragmas pass through one macro, so that another HLS compiler can map or drop them.
#ifndef XNORSR_PRAGMA
#ifdef __SYNTHESIS__
#define XNORSR_PRAGMA(text) _Pragma(#text) // not expanded first: ap_common.h makes INLINE a macro
#else
#define XNORSR_PRAGMA(text)
#endif
#endif

#if !defined(__SYNTHESIS__) && !defined(XNORSR_BIT_TRUE)
#define XNORSR_FAST
#endif

namespace xnorsr {

static const int MAX_WORD = 4096;

template <bool FIRST, class A, class B> struct Choose {
    typedef A type;
};
template <class A, class B> struct Choose<false, A, B> {
    typedef B type;
};

// A list of numbers as a type.
template <int... NUMBERS> struct Numbers {
    static const int COUNT = sizeof...(NUMBERS);
    static constexpr int at(int n) {
        const int numbers[] = {NUMBERS...};
        return numbers[n];
    }
};

// Number<B>::type: a two's complement number of B bits, exactly so in hardware, at least so in fast C-simulation.
#ifdef XNORSR_FAST
template <int B> struct Number {
    static_assert(B >= 1 && B <= 64, "a number is at most 64 bits wide");
    typedef typename Choose<(B <= 32), int32_t, int64_t>::type type;
};
#else
template <int B> struct Number {
    static_assert(B >= 1 && B <= 64, "a number is at most 64 bits wide");
    typedef ap_int<B> type;
};
#endif

template <int A, int B> struct Max {
    static const int value = A > B ? A : B;
};

// Counter<N>::type: counts 0 to N - 1, in as few bits as that takes.
template <int64_t N> struct Counter {
    static constexpr int bits(int64_t n) { return n <= 2 ? 1 : 1 + bits((n + 1) / 2); }
    static const int BITS = bits(N);
    typedef ap_uint<BITS> type;
};

// Number of steps of a loop: int wherever that is enough.
template <int64_t N> struct Steps {
    typedef typename Choose<(N < (int64_t(1) << 31)), int, int64_t>::type type;
};

// Multiply<DSP>::of<T>(a, b): the product as a T, in a DSP slice or in look-up tables as the project's own account has it.
#ifdef XNORSR_FAST
template <bool DSP> struct Multiply {
    template <class T, class A, class B> static T of(const A &a, const B &b) { return (T)a * (T)b; }
};
#else
template <bool DSP> struct Multiply {
    template <class T, int A, int B> static T of(const ap_int<A> &a, const ap_int<B> &b) {
        XNORSR_PRAGMA(HLS INLINE)
        const ap_int<A + B> product = a * b;
        XNORSR_PRAGMA(HLS BIND_OP variable=product op=mul impl=dsp)
        return T(product);
    }
};
template <> struct Multiply<false> {
    template <class T, int A, int B> static T of(const ap_int<A> &a, const ap_int<B> &b) {
        XNORSR_PRAGMA(HLS INLINE)
        const ap_int<A + B> product = a * b;
        XNORSR_PRAGMA(HLS BIND_OP variable=product op=mul impl=fabric)
        return T(product);
    }
};
#endif

// Pixels<C, BITS, SIGNED, BIPOLAR>: the type of a stream. One beat is one pixel in raster order, all channels packed
// in one word, channel 0 in the low bits. A bipolar code 1 stands for +1, 0 for -1.
template <int C_, int BITS_, bool SIGNED_, bool BIPOLAR_ = false> struct Pixels {
    static const int C = C_;
    static const int BITS = BITS_;
    static const bool SIGNED = SIGNED_;
    static const bool BIPOLAR = BIPOLAR_;
    static const int WORD = C_ * BITS_;
    static const int NUMBER = BIPOLAR_ ? 2 : BITS_ + (SIGNED_ ? 0 : 1);
    static_assert(WORD <= MAX_WORD, "a pixel has at most 4096 bits");
    typedef ap_uint<WORD> word;
    typedef typename Number<NUMBER>::type number;
};

} // namespace xnorsr

#include "xnorsr_pack.h"
#include "xnorsr_requant.h"

#endif
