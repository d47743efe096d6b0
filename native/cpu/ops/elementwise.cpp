// Gates, norms and rotations as MLX operations that tether's own kernels compute on the CPU.
#include "cpu/ops/elementwise.h"

#include <cstring>
#include <utility>

#include "cpu/ops/operation.h"

namespace tether::cpu {

mx::array gated(Gate gate, const mx::array& a, const mx::array& b) {
  return operation({.name = "gated", .in_place = true}, a.shape(), {a, b}, [gate](const Inputs& in, mx::array& out) {
    Rows x(in[0]);
    Rows y(in[1]);
    long width = x.width();
    auto* to = out.data<float>();
    in_parts(static_cast<long>(out.size()) / width, width, [&](long begin, long end) {
      for (long row = begin; row < end; row++) kernels().gated(gate, x[row], y[row], to + row * width, width);
    });
  });
}

mx::array rms_norm(const mx::array& x, const std::optional<mx::array>& weight, float eps) {
  Inputs inputs{x};
  if (weight) inputs.push_back(*weight);
  return operation({.name = "rms_norm"}, x.shape(), std::move(inputs), [eps](const Inputs& in, mx::array& out) {
    Rows rows(in[0]);
    const float* factors = in.size() > 1 ? in[1].data<float>() : nullptr;
    long width = rows.width();
    auto* to = out.data<float>();
    in_parts(static_cast<long>(out.size()) / width, width, [&](long begin, long end) {
      for (long row = begin; row < end; row++) kernels().rms_norm(rows[row], factors, to + row * width, width, eps);
    });
  });
}

mx::array rotate(const mx::array& x, int begin, int count, int heads, const mx::array& angles, bool traditional) {
  int dim = x.shape(1) / heads;
  return operation({.name = "rotate"}, {1, heads, count, dim}, {x, angles},
                   [begin, count, heads, dim, traditional](const Inputs& in, mx::array& out) {
                     Rows rows(in[0]);
                     int half = in[1].shape(2);
                     const auto* cosines = in[1].data<float>();
                     const float* sines = cosines + static_cast<long>(count) * half;
                     auto* to = out.data<float>();
                     in_parts(count, static_cast<long>(heads) * dim, [&](long from, long end) {
                       for (long token = from; token < end; token++) {
                         Rotation rotation{cosines + token * half, sines + token * half, 2 * half, traditional};
                         for (long head = 0; head < heads; head++)
                           kernels().rotate(rows[begin + token] + head * dim, rotation, dim,
                                            to + (head * count + token) * dim);
                       }
                     });
                   });
}

mx::array hadamard(const mx::array& x, int block, float scale) {
  return operation({.name = "hadamard"}, x.shape(), {x}, [block, scale](const Inputs& in, mx::array& out) {
    Rows rows(in[0]);
    long width = rows.width();
    auto* to = out.data<float>();
    in_parts(static_cast<long>(out.size()) / width, width, [&](long begin, long end) {
      for (long row = begin; row < end; row++) {
        std::memcpy(to + row * width, rows[row], static_cast<size_t>(width) * sizeof(float));
        kernels().hadamard(to + row * width, width, block, scale);
      }
    });
  });
}

mx::array halves(const mx::array& x) {
  return operation({.name = "halves", .dtype = mx::float16}, x.shape(), {x}, [](const Inputs& in, mx::array& out) {
    const auto& from = in[0];
    long tokens = from.shape(2);
    long width = from.shape(3);
    // Heads that are views of rows, as those of values, are read where they lie.
    bool readable = from.strides(3) == 1;
    std::optional<Rows> copied;
    if (!readable) copied.emplace(from);
    auto* to = reinterpret_cast<uint16_t*>(out.data<mx::float16_t>());
    in_parts(from.shape(1) * tokens, width, [&](long begin, long end) {
      for (long row = begin; row < end; row++) {
        const float* numbers =
            readable ? from.data<float>() + row / tokens * from.strides(1) + row % tokens * from.strides(2)
                     : (*copied)[row];
        kernels().round_halves(numbers, to + row * width, width);
      }
    });
  });
}

mx::array add_rows(const mx::array& y, const mx::array& sum, int begin) {
  return operation({.name = "add_rows", .in_place = true}, y.shape(), {y, sum},
                   [begin](const Inputs& in, mx::array& out) {
                     Rows rows(in[0]);
                     Rows added(in[1]);
                     long width = rows.width();
                     long count = in[1].shape(0);
                     in_parts(out.shape(0), width, [&](long from, long end) {
                       for (long row = from; row < end; row++) {
                         float* to = out.data<float>() + row * width;
                         const float* own = rows[row];
                         if (to != own) std::memcpy(to, own, static_cast<size_t>(width) * sizeof(float));
                         if (row < begin || row >= begin + count) continue;
                         const float* more = added[row - begin];
                         for (long i = 0; i < width; i++) to[i] += more[i];
                       }
                     });
                   });
}

}  // namespace tether::cpu
