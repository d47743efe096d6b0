// Float32 arithmetic as wide as the processor's registers. Compiled once for each kind of processor; TETHER_CPU names
// it and is the namespace. Nothing here may be shared with other files, such as a template of the standard library: the
// linker keeps one copy of those, which might have instructions that this processor lacks.
#include "cpu/kernels.h"

#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/formats.h"
#include "cpu/kernels/halves.h"
#include "cpu/kernels/interleaved.h"
#include "cpu/kernels/packed.h"
#include "cpu/kernels/products.h"
#include "cpu/kernels/rounded.h"

#define TETHER_TEXT_OF(name) #name
#define TETHER_TEXT(name) TETHER_TEXT_OF(name)

namespace tether::TETHER_CPU {

extern const Kernels table;
const Kernels table{.name = TETHER_TEXT(TETHER_CPU),
                    .few_rows = few_rows,
                    .few_rounded = few_rounded,
                    .round_rows = round_rows,
                    .interleaved = kProduct,
                    .split = kSplit,
                    .split_bytes = kSplitBytes,
                    .few_rows_f32 = few_rows_f32,
                    .few_rows_f16 = few_rows_f16,
                    .expand = expand_any,
                    .round_halves = round_halves,
                    .pack = pack,
                    .gated = gated,
                    .rms_norm = rms_norm,
                    .rotate = rotate,
                    .hadamard = hadamard,
                    .softcap = softcap,
                    .largest = largest,
                    .has_nan = has_nan,
                    .mask = mask,
                    .masked_sum = masked_sum,
                    .exp_sum = exp_sum,
                    .scale = scale,
                    .mix = mix,
                    .mix_f16 = mix_f16};

}  // namespace tether::TETHER_CPU
