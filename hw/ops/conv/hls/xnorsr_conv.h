#ifndef XNORSR_CONV_H_
#define XNORSR_CONV_H_

#include "xnorsr_window.h"

// Convolution, stride 1, odd K, as many pixels out as in. Three engines share the window and the folding:
//   xnorsr_conv_xnor.h    1-bit weights, bipolar input
//   xnorsr_conv_planes.h  1-bit weights, n-bit input
//   xnorsr_conv_mac.h     n-bit weights, any input
//
// CFG: in, out (Pixels), K, H, W, PE, SIMD, PAD (0, +1 or -1: what stands beyond the border).
// A pixel takes FOLD = (O/PE) * (K*K*C/SIMD) cycles. In cycle f = nf*SF + sf, PE outputs nf*PE + pe take in the SIMD
// synapses sf*SIMD + s; synapse (i*K + j)*C + c is channel c of tap (i, j). Weights are stored in that order.
// The sum is exact modulo 2**bits of the output, which holds every sum of the layer: partial sums may wrap.

namespace xnorsr {

template <class CFG> struct Folding {
    static const int C = CFG::in::C;
    static const int O = CFG::out::C;
    static const int SYNAPSES = CFG::K * CFG::K * C;
    static const int NF = O / CFG::PE;
    static const int SF = SYNAPSES / CFG::SIMD;
    static const int FOLD = NF * SF;
    static_assert(NF * CFG::PE == O, "PE must divide the number of output channels");
    static_assert(SF * CFG::SIMD == SYNAPSES, "SIMD must divide K*K*C");
};

#ifdef XNORSR_FAST

// Not inlined: layers of one shape share the code.
template <class CFG, class ENGINE, class ROM, class OFFSET_T>
__attribute__((noinline)) void convolve(hls::stream<typename CFG::in::word> &in,
                                        hls::stream<typename CFG::out::word> &out, const ROM &weight,
                                        const OFFSET_T (&bias)[CFG::out::C]) {
    static ENGINE engine;
    engine.prepare(weight);
    typedef WindowShape<CFG::K, CFG::H, CFG::W> shape;
    typedef typename ENGINE::pixel pixel;
    static pixel lines[CFG::W][shape::LINES];
    static pixel taps[CFG::K][CFG::K];
    typename CFG::out::number sum[CFG::out::C];
    int column = 0;
    for (int t = 0; t < shape::LEAD; t++)
        shift_in<CFG::K, CFG::W>(lines, taps, column, t < shape::PIXELS ? ENGINE::load(in.read()) : pixel());
    for (int y = 0; y < CFG::H; y++) {
        for (int x = 0; x < CFG::W; x++) {
            const bool more = y * CFG::W + x + shape::LEAD < shape::PIXELS;
            shift_in<CFG::K, CFG::W>(lines, taps, column, more ? ENGINE::load(in.read()) : pixel());
            for (int o = 0; o < CFG::out::C; o++)
                sum[o] = bias[o];
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
void convolve(hls::stream<typename CFG::in::word> &in, hls::stream<typename CFG::out::word> &out,
              const ROM &weight, const OFFSET_T (&bias)[CFG::out::C]) {
    typedef WindowShape<CFG::K, CFG::H, CFG::W> shape;
    typedef Folding<CFG> fold;
    typedef typename CFG::in::word pixel;
    typedef typename CFG::out::number number;

    XNORSR_BUFFER pixel lines[CFG::W][shape::LINES];
    XNORSR_PRAGMA(HLS ARRAY_RESHAPE variable=lines dim=2 type=complete)
    XNORSR_PRAGMA(HLS BIND_STORAGE variable=lines type=ram_2p)
    XNORSR_PRAGMA(HLS DEPENDENCE variable=lines type=inter direction=RAW distance=CFG::W dependent=true)
    pixel taps[CFG::K][CFG::K];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=taps dim=0 type=complete)
    typename ENGINE::synapse window[fold::SYNAPSES]; // the taps channel by channel, borders replaced
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=window dim=0 type=complete)
    bool valid[fold::SYNAPSES];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=valid dim=0 type=complete)
    number sum[CFG::PE];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=sum dim=0 type=complete)
    number result[CFG::out::C];
    XNORSR_PRAGMA(HLS ARRAY_PARTITION variable=result dim=0 type=complete)
    int column = 0;

lead:
    for (int t = 0; t < shape::LEAD; t++) {
        XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
        pixel fresh = 0;
        if (t < shape::PIXELS)
            fresh = in.read();
        shift_in<CFG::K, CFG::W>(lines, taps, column, fresh);
    }
row:
    for (int y = 0; y < CFG::H; y++) {
    pixel:
        for (int x = 0; x < CFG::W; x++) {
        outputs:
            for (int nf = 0; nf < fold::NF; nf++) {
            synapses:
                for (int sf = 0; sf < fold::SF; sf++) {
                    XNORSR_PRAGMA(HLS PIPELINE II=1 style=flp)
                    if (nf == 0 && sf == 0) {
                        pixel fresh = 0;
                        if (y * CFG::W + x + shape::LEAD < shape::PIXELS)
                            fresh = in.read();
                        shift_in<CFG::K, CFG::W>(lines, taps, column, fresh);
                        for (int i = 0; i < CFG::K; i++) {
                            XNORSR_PRAGMA(HLS UNROLL)
                            for (int j = 0; j < CFG::K; j++) {
                                XNORSR_PRAGMA(HLS UNROLL)
                                const bool outside = beyond<CFG::K, CFG::H>(y, i) || beyond<CFG::K, CFG::W>(x, j);
                                const int first = (i * CFG::K + j) * fold::C;
                                ENGINE::load(taps[i][j], outside, window + first, valid + first);
                            }
                        }
                    }
                    for (int pe = 0; pe < CFG::PE; pe++) {
                        XNORSR_PRAGMA(HLS UNROLL)
                        number before = sum[pe];
                        if (sf == 0)
                            before = bias[nf * CFG::PE + pe];
                        const number after =
                            before + ENGINE::sum(window, valid, sf * CFG::SIMD, weight[nf * fold::SF + sf][pe]);
                        sum[pe] = after;
                        if (sf == fold::SF - 1)
                            result[nf * CFG::PE + pe] = after;
                    }
                    if (nf == fold::NF - 1 && sf == fold::SF - 1)
                        out.write(pack<typename CFG::out>(result));
                }
            }
        }
    }
}

#endif

} // namespace xnorsr

#endif
