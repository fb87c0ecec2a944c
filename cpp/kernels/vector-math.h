// exp and the activation functions on one vector, to about 1e-7 relative error. The polynomials are Chebyshev fits made
// for this file.
#pragma once

#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

// 2^(n + r) for integer n in -126..127 and |r| <= 1/2; 2^r = 1 + r p(r) (fit error 9e-9).
GGCLIP_INLINE vf exp2_v(vf n, vf r) {
    vf p = set_f(1.54614478e-4f);
    p = fma(p, r, set_f(1.33908668e-3f));
    p = fma(p, r, set_f(9.61805694e-3f));
    p = fma(p, r, set_f(0.0555035695f));
    p = fma(p, r, set_f(0.240226507f));
    p = fma(p, r, set_f(0.693147182f));
    return scale_exp2(fma(p, r, set_f(1.0f)), n);
}

// e^x for x <= 88; 0 below -87, NaN for NaN. The exponent of 2 is x log2(e), with the constant split in two.
GGCLIP_INLINE vf exp_v(vf x) {
    const vf at_least = max(set_f(-87.0f), x);  // this argument order keeps NaN on x86
    const vf n = round_even(mul(at_least, set_f(1.44269502f)));
    const vf r = fma(at_least, set_f(1.92596299e-8f), fms(at_least, set_f(1.44269502f), n));
    return if_less(x, set_f(-87.0f), zero_f(), exp2_v(n, r));
}

// x / (1 + 2^-v): x times the logistic function of v ln(2). At the limits of v the result is x or ~x * 1e-38.
GGCLIP_INLINE vf times_sigmoid2(vf x, vf v) {
    const vf power = max(min(sub(zero_f(), v), set_f(126.0f)), set_f(-126.0f));
    const vf n = round_even(power);
    return mul(x, reciprocal(add(exp2_v(n, sub(power, n)), set_f(1.0f))));
}

// x Phi(x), Phi the normal distribution function. For y = |x| and t = 1 / (1 + 0.3 y),
// Phi(-y) = e^(-y^2/2) t h(t) with h a polynomial (relative error 1.3e-8 up to y = 14, where it is about 1e-44).
GGCLIP_INLINE vf gelu_erf_v(vf x) {
    const vf y = min(abs(x), set_f(14.0f));
    const vf t = reciprocal(fma(y, set_f(0.3f), set_f(1.0f)));
    vf h = set_f(-0.0209143597288f);
    h = fma(h, t, set_f(0.114040272074f));
    h = fma(h, t, set_f(-0.232038482936f));
    h = fma(h, t, set_f(0.196940677017f));
    h = fma(h, t, set_f(-0.0837425490162f));
    h = fma(h, t, set_f(0.0984807401835f));
    h = fma(h, t, set_f(0.0775890643774f));
    h = fma(h, t, set_f(0.110405179847f));
    h = fma(h, t, set_f(0.119551763229f));
    h = fma(h, t, set_f(0.119687693145f));
    // y^2 rounds; correct its error to first order, or e^(-y^2/2) would be off by 1e-6 at y = 5.
    const vf square = mul(y, y);
    const vf lost = fma(y, y, sub(zero_f(), square));
    vf tail = exp_v(mul(square, set_f(-0.5f)));
    tail = fnma(tail, mul(lost, set_f(0.5f)), tail);
    tail = mul(tail, mul(t, h));
    return mul(x, if_negative(x, tail, sub(set_f(1.0f), tail)));
}

// x (1/2 + y q(y^2)), where y is x held to -limit .. limit, with q fitted for this file by linear programming: the
// least largest error of the product. About a third of the time of the exact functions. The zero added last as in
// tanh_v.
GGCLIP_INLINE vf gelu_near_v(vf x, float limit, const float (&q)[9]) {
    const vf at_least = max(set_f(-limit), x);  // this argument order keeps NaN on x86
    const vf y = min(set_f(limit), at_least);
    const vf square = mul(y, y);
    vf sum = set_f(q[8]);
    GGCLIP_UNROLL
    for (int i = 7; i >= 0; i--) sum = fma(sum, square, set_f(q[i]));
    return fma(x, zero_f(), mul(at_least, fma(y, sum, set_f(0.5f))));
}

// 2 / (1 + e^-2x) - 1; 2.88539008 = 2 log2(e). Exact to the rounding of 1, not of x. The zero added last is NaN where x
// is not finite: neither NaN nor infinity becomes a plausible number.
GGCLIP_INLINE vf tanh_v(vf x) {
    const vf y = sub(times_sigmoid2(set_f(2.0f), mul(x, set_f(2.88539008f))), set_f(1.0f));
    return fma(x, zero_f(), y);
}

GGCLIP_INLINE vf apply_v(unary op, vf x) {
    switch (op) {
        case unary::quick_gelu: return times_sigmoid2(x, mul(x, set_f(2.45546693f)));  // 1.702 log2(e)
        case unary::gelu_erf: return gelu_erf_v(x);
        case unary::gelu_tanh: {
            // 0.5 (1 + tanh u) is the logistic function of 2u, u = sqrt(2 / pi) (x + 0.044715 x^3); 2.30220820 = 2
            // sqrt(2 / pi) log2(e)
            const vf cubic = mul(x, fma(mul(x, x), set_f(0.044715f), set_f(1.0f)));
            return times_sigmoid2(x, mul(cubic, set_f(2.30220820f)));
        }
        case unary::silu: return times_sigmoid2(x, mul(x, set_f(1.44269502f)));  // log2(e)
        case unary::relu: return mul(add(x, abs(x)), set_f(0.5f));               // NaN, not 0, of -infinity
        case unary::tanh: return tanh_v(x);
        default: return x;
    }
}

// The same with an error of 5e-5, for values that are rounded to bytes next.
GGCLIP_INLINE vf apply_near_v(unary op, vf x) {
    constexpr float erf[] = {3.98761570e-1f,  -6.60763755e-2f, 9.64300148e-3f,  -1.05498568e-3f, 8.42920272e-5f,
                             -4.72478314e-6f, 1.74080412e-7f,  -3.75392961e-9f, 3.56929070e-11f};
    constexpr float tanh[] = {3.98787737e-1f,  -6.64529577e-2f, 9.90481768e-3f,  -1.12864771e-3f, 9.54722054e-5f,
                              -5.72220142e-6f, 2.26471130e-7f,  -5.25391064e-9f, 5.37469305e-11f};
    switch (op) {
        case unary::gelu_erf: return gelu_near_v(x, 4.4f, erf);
        case unary::gelu_tanh: return gelu_near_v(x, 4.25f, tanh);
        default: return apply_v(op, x);
    }
}

GGCLIP_LEVEL_END
