// Gates, norms and rotations as MLX operations that tether's own kernels compute on the CPU.
#include "cpu/ops/elementwise.h"

#include <cstring>
#include <utility>
#include <vector>

#include "cpu/ops/operation.h"

namespace tether::cpu {
namespace {

// The heads of each token, (1, heads, T, head_dim), one by one. Those that are views of rows, as of values, are read
// where they lie.
class Heads {
 public:
  explicit Heads(const mx::array& x) : x_(x) {
    if (x.strides(3) != 1) copied_.emplace(x);
  }

  long count() const { return static_cast<long>(x_.shape(1)) * x_.shape(2); }
  long width() const { return x_.shape(3); }
  const float* operator[](long row) const {
    if (copied_) return (*copied_)[row];
    long tokens = x_.shape(2);
    return x_.data<float>() + row / tokens * x_.strides(1) + row % tokens * x_.strides(2);
  }

 private:
  const mx::array& x_;
  std::optional<Rows> copied_;
};

}  // namespace

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

std::vector<mx::array> packed(const mx::array& x) {
  auto of_each = [&](int count) { return mx::Shape{1, x.shape(1), x.shape(2), x.shape(3) / count}; };
  std::vector<Result> results{
      {.shape = of_each(8), .dtype = mx::uint32}, {.shape = of_each(32)}, {.shape = of_each(32)}};
  return operation("packed", results, {x}, [](const Inputs& in, Outputs& out) {
    Heads heads(in[0]);
    long width = heads.width();
    auto* numbers = out[0].data<uint32_t>();
    auto* scales = out[1].data<float>();
    auto* biases = out[2].data<float>();
    in_parts(heads.count(), width, [&](long begin, long end) {
      for (long row = begin; row < end; row++) {
        long group = row * width / 32;
        kernels().pack(heads[row], width, numbers + row * width / 8, scales + group, biases + group);
      }
    });
  });
}

mx::array halves(const mx::array& x) {
  return operation({.name = "halves", .dtype = mx::float16}, x.shape(), {x}, [](const Inputs& in, mx::array& out) {
    Heads heads(in[0]);
    long width = heads.width();
    auto* to = reinterpret_cast<uint16_t*>(out.data<mx::float16_t>());
    in_parts(heads.count(), width, [&](long begin, long end) {
      for (long row = begin; row < end; row++) kernels().round_halves(heads[row], to + row * width, width);
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
