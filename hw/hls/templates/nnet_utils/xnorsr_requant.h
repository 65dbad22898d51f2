#ifndef XNORSR_REQUANT_H_
#define XNORSR_REQUANT_H_

// Round half to even and saturate: clip(round(x / (DIVISOR * 2**SHIFT)), LO, HI). A negative SHIFT multiplies.

namespace xnorsr {

// floor(x / DEN) for |x| < 2**XB, as one multiplication by a rounded-up reciprocal. With n bits of dividend and
// 2**L >= DEN the error of the reciprocal, DEN * M - 2**(n+L) <= DEN <= 2**L, is small enough to be exact.
template <int XB, int DEN> struct Divide {
    static constexpr int log2_up(int v) { return v <= 1 ? 0 : 1 + log2_up((v + 1) / 2); }
    static constexpr int64_t OFFSET = ((int64_t(1) << XB) + DEN - 1) / DEN; // makes the dividend non-negative
    static constexpr int N = XB + 2;
    static constexpr int SHIFT = N + log2_up(DEN);
    static constexpr int64_t RECIPROCAL = (int64_t(1) << SHIFT) / DEN + 1;
    static_assert(2 * N + 4 <= 64, "the dividend is too wide for an exact division by multiplication");
    static_assert(DEN < (int64_t(1) << XB), "the divisor is greater than the dividend can be");

    template <class T> static typename Number<XB + 1>::type floor(const T &x) {
        XNORSR_PRAGMA(HLS INLINE)
        const typename Number<N + 1>::type dividend = x + OFFSET * DEN;
        const typename Number<N + 3>::type reciprocal = RECIPROCAL;
        const typename Number<2 * N + 4>::type product = typename Number<2 * N + 4>::type(dividend) * reciprocal;
        return typename Number<XB + 1>::type((product >> SHIFT) - OFFSET);
    }
};

template <int SHIFT_, int64_t LO_, int64_t HI_, int DIVISOR_ = 1> struct Requant {
    static const bool EXACT = false;
    static const int UP = SHIFT_ < 0 ? -SHIFT_ : 0;
    static const int DOWN = SHIFT_ > 0 ? SHIFT_ : 0;

    // Rounded, not yet saturated; x has XB bits. W holds the dividend and, with its sign, the divisor.
    template <int XB, int DIVISOR> struct Round {
        static const int W = Max<XB + UP + 1, DOWN + 16>::value;
        typedef typename Number<W>::type number;
        static number apply(const number &x) {
            XNORSR_PRAGMA(HLS INLINE)
            const number dividend = x << UP;
            const number quotient = Divide<W, (DIVISOR << DOWN)>::floor(dividend);
            const number twice = 2 * (dividend - quotient * (DIVISOR << DOWN)) + (quotient & 1);
            return quotient + (twice > (DIVISOR << DOWN) ? 1 : 0);
        }
    };
    template <int XB> struct Round<XB, 1> {
        static const int W = Max<XB + UP, DOWN + 2>::value;
        typedef typename Number<W>::type number;
        static number apply(const number &x) {
            XNORSR_PRAGMA(HLS INLINE)
            if (DOWN == 0)
                return x << UP;
            const number quotient = x >> DOWN;
            const number rest = x & ((number(1) << DOWN) - 1);
            const number half = DOWN > 0 ? number(1) << (DOWN > 0 ? DOWN - 1 : 0) : number(0);
            const number odd = quotient & 1;
            return quotient + (number(rest + odd) > half ? 1 : 0);
        }
    };

    template <int XB> struct Bits {
        static const int value = Round<XB, DIVISOR_>::W;
    };

    template <int XB, class T> static typename Number<Bits<XB>::value>::type apply(const T &x) {
        XNORSR_PRAGMA(HLS INLINE)
        typedef typename Number<Bits<XB>::value>::type number;
        const int64_t top = (int64_t(1) << (Bits<XB>::value - 2)) - 1 + (int64_t(1) << (Bits<XB>::value - 2));
        const number lo = LO_ < -top - 1 ? -top - 1 : LO_;
        const number hi = HI_ > top ? top : HI_;
        number y = Round<XB, DIVISOR_>::apply(number(x));
        if (y < lo)
            y = lo;
        if (y > hi)
            y = hi;
        return y;
    }
};

// No requantization: the number as it is.
struct Exact {
    static const bool EXACT = true;
    template <int XB> struct Bits {
        static const int value = XB;
    };
    template <int XB, class T> static typename Number<XB>::type apply(const T &x) {
        XNORSR_PRAGMA(HLS INLINE)
        return typename Number<XB>::type(x);
    }
};

} // namespace xnorsr

#endif
