#ifndef XNORSR_CONV_H_
#define XNORSR_CONV_H_

#include "xnorsr_window.h"

// Convolution, stride 1, odd K, as many pixels out as in. Three engines share the window and the folding:
//   xnorsr_conv_xnor.h    1-bit weights, bipolar input
//   xnorsr_conv_planes.h  1-bit weights, n-bit input
//   xnorsr_conv_mac.h     n-bit weights, any input
//
// CFG: in, out (Pixels), K, H, W, PE, SIMD, PAD (0, +1 or -1: what stands beyond the border), WEIGHT_BITS, BINARY, BLOCK,
// UNITS and used (Numbers): channels count in blocks of BLOCK, block b of tap (i, j) is number (i*K + j)*(C/BLOCK) + b.
// UNITS units side by side have O/UNITS outputs and PE/UNITS lanes each and read as many blocks, those that `used` has
// for one after the other. Synapse n*BLOCK + c of a unit is channel c of the block that is n-th in its part of `used`.
// A pixel takes FOLD = (O/PE) * (SYNAPSES/SIMD) cycles. In cycle f = nf*SF + sf, lane p of unit u takes in the SIMD
// synapses sf*SIMD + s of output u*O/UNITS + nf*PE/UNITS + p. It is the layer's lane pe = u*PE/UNITS + p.
// weight[pe][f] are the SIMD weights of lane pe in cycle f, packed into machine words, LANES in each, the first in the
// low bits; bias[nf][pe]. The sum is exact modulo 2**bits of the output, which holds every sum of the layer: partial sums
// may wrap.
//
// As synthesized, a layer is one loop with one step per cycle, whatever its folding: LEAD steps that only take pixels,
// then FOLD steps for each output. All counters are written out, so no loop vanishes where SF or NF is 1. What a step
// reads stands in registers of its own: window[SF][UNITS][SIMD], result[NF][PE], one memory of weights for each PE.

namespace xnorsr {

template <class CFG> struct Folding {
    static const int C = CFG::in::C;
    static const int O = CFG::out::C;
    static const int TAPS = CFG::K * CFG::K;
    static const int PARTS = C / CFG::BLOCK; // blocks of a tap
    static const int BLOCKS = CFG::used::COUNT / CFG::UNITS; // of a unit
    static const int SYNAPSES = BLOCKS * CFG::BLOCK;
    static const int OUTPUTS = O / CFG::UNITS, UNIT_PE = CFG::PE / CFG::UNITS; // of a unit
    static const bool ALL = SYNAPSES == TAPS * C; // each synapse of the window has a weight
    static const int NF = O / CFG::PE;
    static const int SF = SYNAPSES / CFG::SIMD;
    static const int FOLD = NF * SF;
    static const int LANES = 64 / CFG::WEIGHT_BITS;
    static_assert(NF * CFG::PE == O, "PE must divide the number of output channels");
    static_assert(SF * CFG::SIMD == SYNAPSES, "SIMD must divide the synapses");
    static_assert(ALL || !CFG::BINARY, "binary weights are never zero");
    static_assert(PARTS * CFG::BLOCK == C, "BLOCK must divide the number of channels");
    static_assert(OUTPUTS * CFG::UNITS == O && UNIT_PE * CFG::UNITS == CFG::PE, "UNITS must divide outputs and PE");

    // Where output o is computed: its lane, and its place among those of the lane.
    static constexpr int lane(int o) { return o / OUTPUTS * UNIT_PE + o % OUTPUTS % UNIT_PE; }
    static constexpr int place(int o) { return o % OUTPUTS / UNIT_PE; }

    // Weight of lane s, its bits as they are, in the words of one cycle.
    template <class WORD> static uint64_t weight(const WORD *words, int s) {
        XNORSR_PRAGMA(HLS INLINE)
        const uint64_t mask = CFG::WEIGHT_BITS == 64 ? ~0ULL : (1ULL << CFG::WEIGHT_BITS % 64) - 1;
        return uint64_t(words[s / LANES]) >> (s % LANES * CFG::WEIGHT_BITS) & mask;
    }
};

#ifdef XNORSR_FAST

// Shifts one pixel in. `lines[x]` holds the K-1 pixels above column x, the uppermost first.
template <int K, int W, class T> inline void shift_fast(T lines[W][K > 1 ? K - 1 : 1], T taps[K][K], int &column, T pixel) {
    for (int i = 0; i < K; i++) {
        for (int j = 0; j < K - 1; j++)
            taps[i][j] = taps[i][j + 1];
        taps[i][K - 1] = i < K - 1 ? lines[column][i] : pixel;
    }
    for (int i = 0; i < K - 1; i++)
        lines[column][i] = taps[i + 1][K - 1];
    column = column == W - 1 ? 0 : column + 1;
}

// Not inlined: layers of one shape share the code.
template <class CFG, class ENGINE, class ROM, class OFFSET_T>
__attribute__((noinline)) void convolve(hls::stream<typename CFG::in::word> &in,
                                        hls::stream<typename CFG::out::word> &out, const ROM &weight,
                                        const OFFSET_T (&bias)[Folding<CFG>::NF][CFG::PE]) {
    static ENGINE engine;
    engine.prepare(weight);
    typedef WindowShape<CFG::K, CFG::H, CFG::W> shape;
    typedef typename ENGINE::pixel pixel;
    static pixel lines[CFG::W][CFG::K > 1 ? CFG::K - 1 : 1];
    static pixel taps[CFG::K][CFG::K];
    typename CFG::out::number sum[CFG::out::C];
    int column = 0;
    for (int t = 0; t < shape::LEAD; t++)
        shift_fast<CFG::K, CFG::W>(lines, taps, column, t < shape::PIXELS ? ENGINE::load(in.read()) : pixel());
    for (int y = 0; y < CFG::H; y++) {
        for (int x = 0; x < CFG::W; x++) {
            const bool more = y * CFG::W + x + shape::LEAD < shape::PIXELS;
            shift_fast<CFG::K, CFG::W>(lines, taps, column, more ? ENGINE::load(in.read()) : pixel());
            for (int o = 0; o < CFG::out::C; o++)
                sum[o] = bias[Folding<CFG>::place(o)][Folding<CFG>::lane(o)];
            if (y >= shape::PAD && y + shape::PAD < CFG::H && x >= shape::PAD && x + shape::PAD < CFG::W) {
                engine.add(&taps[0][0], sum);
            } else {
                bool outside[CFG::K * CFG::K];
                for (int i = 0; i < CFG::K; i++)
                    for (int j = 0; j < CFG::K; j++)
                        outside[i * CFG::K + j] = beyond<CFG::K, CFG::H>(y, i) || beyond<CFG::K, CFG::W>(x, j);
                engine.add_at_border(&taps[0][0], outside, sum);
            }
            out.write(pack<typename CFG::out>(sum));
        }
    }
}

#else

template <class CFG, class ENGINE, class ROM, class OFFSET_T>
void convolve(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out, const ROM &weight,
              const OFFSET_T (&bias)[Folding<CFG>::NF][CFG::PE]) {
    XNORSR_PRAGMA(HLS INLINE)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=weight dim=1 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=weight dim=3 type=complete)
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=bias dim=2 type=complete)
    typedef WindowShape<CFG::K, CFG::H, CFG::W> shape;
    typedef Folding<CFG> fold;
    typedef LineBuffer<CFG::K, typename CFG::in> buffer;
    typedef typename CFG::out::number number;
    static const int LEAD = shape::LEAD, COLUMNS = CFG::W;
    static const int64_t LEAST = int64_t(shape::PIXELS) * fold::FOLD, STEPS = LEAD + LEAST;

    // What stays from frame to frame.
    static typename buffer::word lines[buffer::WORDS][CFG::W];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=lines dim=1 type=complete)
    XNORSR_PRAGMA(HLS BIND_STORAGE variable=lines type=ram_s2p)
    XNORSR_PRAGMA(HLS DEPENDENCE variable=lines type=inter direction=RAW distance=COLUMNS dependent=true)
    static typename CFG::in::word taps[CFG::K][CFG::K];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=taps dim=0 type=complete)
    static typename Counter<CFG::W>::type column = 0;
    static bool primed = false; // the first LEAD pixels of this frame came with the frame before
    XNORSR_PRAGMA(HLS RESET variable=primed)

    typename ENGINE::synapse window[fold::SF][CFG::UNITS][CFG::SIMD]; // the synapses, borders replaced
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=window dim=0 type=complete)
    bool valid[fold::TAPS]; // inside the frame
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=valid dim=0 type=complete)
    number sum[CFG::PE];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=sum dim=0 type=complete)
    number result[fold::NF][CFG::PE];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=result dim=0 type=complete)

    bool follow = false;
    int coming = primed ? LEAD : 0;
    typename Counter<CFG::H>::type y = 0;
    typename Counter<CFG::W>::type x = 0;
    typename Counter<fold::NF>::type nf = 0;
    typename Counter<fold::SF>::type sf = 0;
    typename Counter<fold::FOLD>::type f = 0;
step:
    for (typename Steps<STEPS>::type t = coming; t < STEPS; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        XNORSR_PRAGMA(HLS LOOP_TRIPCOUNT min=LEAST max=STEPS)
        const bool leading = t < LEAD;
        if (leading || f == 0) {
            const typename CFG::in::word fresh = next_pixel<shape::PIXELS, LEAD>(in, coming, follow);
            coming++;
            shift_in<CFG::K, CFG::W, typename CFG::in>(lines, taps, column, fresh);
        }
        if (!leading) {
            if (f == 0) {
                typename ENGINE::synapse channel[fold::TAPS][fold::C];
                XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=channel dim=0 type=complete)
                for (int tap = 0; tap < fold::TAPS; tap++) {
                    XNORSR_PRAGMA(HLS UNROLL)
                    const int i = tap / CFG::K, j = tap % CFG::K;
                    const bool outside = beyond<CFG::K, CFG::H>(y, i) || beyond<CFG::K, CFG::W>(x, j);
                    valid[tap] = !outside;
                    ENGINE::load(taps[i][j], outside, channel[tap]);
                }
                for (int unit = 0; unit < CFG::UNITS; unit++) {
                    XNORSR_PRAGMA(HLS UNROLL)
                    for (int s = 0; s < fold::SYNAPSES; s++) {
                        XNORSR_PRAGMA(HLS UNROLL)
                        const int number = CFG::used::at(unit * fold::BLOCKS + s / CFG::BLOCK);
                        window[s / CFG::SIMD][unit][s % CFG::SIMD] =
                            channel[number / fold::PARTS][number % fold::PARTS * CFG::BLOCK + s % CFG::BLOCK];
                    }
                }
            }
            typename ENGINE::synapse slice[CFG::UNITS][CFG::SIMD];
            XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=slice dim=0 type=complete)
            for (int s = 0; s < CFG::UNITS * CFG::SIMD; s++) {
                XNORSR_PRAGMA(HLS UNROLL)
                const int unit = s / CFG::SIMD, lane = s % CFG::SIMD;
                slice[unit][lane] = window[fold::SF > 1 ? int(sf) : 0][unit][lane];
            }
            bool inside[CFG::SIMD]; // of an engine that asks for it: whether a lane's tap is inside the frame
            XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=inside dim=0 type=complete)
            ENGINE::lanes(valid, sf, inside);
            const number start = ENGINE::start(valid);
            for (int pe = 0; pe < CFG::PE; pe++) {
                XNORSR_PRAGMA(HLS UNROLL)
                const number first = bias[fold::NF > 1 ? int(nf) : 0][pe] + start;
                const number before = sf == 0 ? first : sum[pe];
                const number after = before + ENGINE::sum(slice[pe / fold::UNIT_PE], inside, weight[pe][fold::FOLD > 1 ? int(f) : 0]);
                sum[pe] = after;
                result[fold::NF > 1 ? int(nf) : 0][pe] = after; // the last sum of this output stays
            }
            const bool last_synapse = sf == fold::SF - 1, last = f == fold::FOLD - 1;
            if (last) {
                number codes[fold::O];
                XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=codes dim=0 type=complete)
                for (int o = 0; o < fold::O; o++) {
                    XNORSR_PRAGMA(HLS UNROLL)
                    codes[o] = result[fold::place(o)][fold::lane(o)];
                }
                out.write(pack<typename CFG::out>(codes));
            }
            sf = last_synapse ? 0 : int(sf) + 1;
            f = last ? 0 : int(f) + 1;
            if (last_synapse)
                nf = last ? 0 : int(nf) + 1;
            if (last) {
                const bool end_of_line = x == CFG::W - 1;
                x = end_of_line ? 0 : int(x) + 1;
                if (end_of_line)
                    y = int(y) + 1;
            }
        }
    }
    primed = follow;
}

#endif

} // namespace xnorsr

#endif
