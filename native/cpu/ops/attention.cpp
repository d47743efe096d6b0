// Attention as an MLX operation that tether's own kernels compute on the CPU.
#include "cpu/ops/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "cpu/blas/blas.h"
#include "cpu/kernels.h"
#include "cpu/ops/multiply.h"
#include "cpu/ops/operation.h"
#include "cpu/pool.h"

namespace tether::cpu {
namespace {

// Queries and slots of one block of scores, which fits into the L2 cache.
constexpr long kQueries = 64;
constexpr long kSlots = 512;
// The most queries that are computed one by one.
constexpr long kFewQueries = 4;
// Slots that are dequantized at a time for one query, which fit into the L1 cache.
constexpr long kUnpacked = 64;
// Numbers of keys from which on it pays to wake other threads for one query.
constexpr long kWorthWaking = 524288;
// Slots of a tile when there is one query.
constexpr long kSlotsOfTile = 1024;

// Queries by head and token.
struct Queries {
  const float* data;
  long head;  // floats from one head to the next
  long token;

  const float* at(long h, long t) const { return data + h * head + t * token; }
};

// Keys or values by head and slot.
class Stored {
 public:
  // in[first]: the numbers; quantized ones are followed by scales and biases.
  Stored(const MatrixView& layout, const Inputs& in, size_t first)
      : layout_(layout),
        quantized_(layout.quantization.mode != QuantMode::none),
        numbers_(in[first].data<char>()),
        head_(in[first].strides(1)),
        slot_(in[first].strides(2)) {
    if (!quantized_) return;
    const auto& scales = in[first + 1];
    const auto& biases = in[first + 2];
    scales_ = scales.data<float>();
    biases_ = biases.data<float>();
    scales_head_ = scales.strides(1);
    biases_head_ = biases.strides(1);
    // A head is read as a matrix.
    if (slot_ != in[first].shape(3) || scales.strides(2) != scales.shape(3) || biases.strides(2) != biases.shape(3))
      throw std::logic_error("quantized keys and values must lie one token after another");
  }

  // Floats, from the first slot on.
  Stored(const float* numbers, long head, long slot)
      : quantized_(false), numbers_(reinterpret_cast<const char*>(numbers)), head_(head), slot_(slot) {}

  // `count` slots from `slot` on, step() floats from one to the next; quantized ones are written to `buffer`.
  const float* rows(long head, long slot, long count, float* buffer) const {
    if (!quantized_) return reinterpret_cast<const float*>(numbers_) + head * head_ + slot * slot_;
    auto matrix = layout_;
    matrix.numbers = numbers_ + head * head_ * long{sizeof(uint32_t)};
    matrix.scales = scales_ + head * scales_head_;
    matrix.biases = biases_ + head * biases_head_;
    for (long i = 0; i < count; i++) kernels().expand(matrix, slot + i, 0, matrix.width, buffer + i * matrix.width);
    return buffer;
  }
  long step() const { return quantized_ ? layout_.width : slot_; }

 private:
  MatrixView layout_ = {};
  bool quantized_;
  const char* numbers_;
  long head_;  // elements from one head to the next
  long slot_;
  const float* scales_ = nullptr;
  const float* biases_ = nullptr;
  long scales_head_ = 0;
  long biases_head_ = 0;
};

struct Attending {
  Queries q;
  Stored k, v;
  long queries;
  long slots;
  long dim;
  long heads;
  long repeats;  // query heads that share keys and values
  AttentionForm form;
  float* out;

  // The slots that a query sees.
  long first(long query) const {
    long at = slots - queries + query;
    return form.window ? std::max<long>(0, at - form.window + 1) : 0;
  }
  long last(long query) const { return slots - queries + query + 1; }

  float* result(long query, long head) const { return out + (query * heads + head) * dim; }
};

// Makes shares of a block of scores, given the running maximum and sum of each query over the blocks before. (Milakov
// and Gimelshein, "Online normalizer calculation for softmax")
void to_shares(const Attending& a, long begin, long rows, long slot, long count, float* scores, float* most,
               float* sums, float* mixed) {
  const auto& kernel = kernels();
  for (long row = 0; row < rows; row++) {
    float* line = scores + row * kSlots;
    long from = std::max<long>(0, a.first(begin + row) - slot);
    long to = std::min(count, a.last(begin + row) - slot);
    if (from >= to) {
      std::fill_n(line, count, 0.0F);
      continue;
    }
    std::fill_n(line, from, 0.0F);
    std::fill_n(line + to, count - to, 0.0F);
    float largest = kernel.largest(line + from, to - from);
    if (largest > most[row]) {
      float factor = std::exp(most[row] - largest);
      sums[row] *= factor;
      if (slot > a.first(begin)) kernel.scale(mixed + row * a.dim, a.dim, factor);
      most[row] = largest;
    }
    sums[row] += kernel.exp_sum(line + from, to - from, most[row]);
  }
}

// Queries [begin, begin + rows) of one head.
void attend_block(const Attending& a, long head, long begin, long rows) {
  struct Scores;
  struct Mixed;
  struct Unpacked;
  float* unpacked = scratch<Unpacked>(static_cast<size_t>(kSlots * a.dim));
  float* scores = scratch<Scores>(static_cast<size_t>(kQueries * kSlots));
  float* mixed = scratch<Mixed>(static_cast<size_t>(kQueries * a.dim));
  std::fill_n(mixed, rows * a.dim, 0.0F);
  std::array<float, kQueries> most{};
  std::array<float, kQueries> sums{};
  most.fill(-std::numeric_limits<float>::infinity());
  long kv = head / a.repeats;
  long end = a.last(begin + rows - 1);
  for (long slot = a.first(begin); slot < end; slot += kSlots) {
    long count = std::min(kSlots, end - slot);
    sgemm_transposed(rows, count, a.dim, a.form.scale, a.q.at(head, begin), a.q.token,
                     a.k.rows(kv, slot, count, unpacked), a.k.step(), 0, scores, kSlots);
    if (a.form.softcap > 0)
      for (long row = 0; row < rows; row++) kernels().softcap(scores + row * kSlots, count, a.form.softcap);
    to_shares(a, begin, rows, slot, count, scores, most.data(), sums.data(), mixed);
    sgemm(rows, a.dim, count, 1, scores, kSlots, a.v.rows(kv, slot, count, unpacked), a.v.step(), 1, mixed, a.dim);
  }
  for (long row = 0; row < rows; row++) {
    float* result = a.result(begin + row, head);
    std::memcpy(result, mixed + row * a.dim, static_cast<size_t>(a.dim) * sizeof(float));
    kernels().scale(result, a.dim, 1 / sums[static_cast<size_t>(row)]);
  }
}

void attend_many(const Attending& a) {
  long blocks = ceil_div(a.queries, kQueries);
  parallel_for(static_cast<int>(blocks * a.heads), [&](int tile) {
    // The last queries see the most slots: they come first, so that no thread starts one of them at the end.
    long begin = (blocks - 1 - tile / a.heads) * kQueries;
    attend_block(a, tile % a.heads, begin, std::min(kQueries, a.queries - begin));
  });
}

// One query of all heads: slots are cut into parts whose results are combined afterwards.
void attend_one(const Attending& a, long query) {
  const auto& kernel = kernels();
  long begin = a.first(query);
  long end = a.last(query);
  long groups = a.heads / a.repeats;
  long parts = pool_threads() == 1 ? 1 : ceil_div(end - begin, kSlotsOfTile);
  long each = ceil_div(end - begin, parts);
  long size = a.dim + 2;  // floats of a head's result in one part: numbers, maximum, sum
  std::vector<float> results(static_cast<size_t>(a.heads * parts * size), 0.0F);
  auto result = [&](long head, long part) { return results.data() + (head * parts + part) * size; };
  auto work = [&](int tile) {
    struct Scores;
    struct Unpacked;
    long group = tile / parts;
    long part = tile % parts;
    long slot = begin + part * each;
    long count = std::min(each, end - slot);
    if (count <= 0) return;
    float* scores = scratch<Scores>(static_cast<size_t>(a.repeats * count));
    long head = group * a.repeats;
    float* unpacked = scratch<Unpacked>(static_cast<size_t>(kUnpacked * a.dim));
    auto repeats = static_cast<int>(a.repeats);
    for (long at = 0; at < count; at += kUnpacked) {
      long some = std::min(kUnpacked, count - at);
      const float* keys = a.k.rows(group, slot + at, some, unpacked);
      kernel.few_rows_f32(repeats, static_cast<int>(some), a.dim, a.form.scale, a.q.at(head, query), a.q.head, keys,
                          a.k.step(), 0, scores + at, count);
    }
    for (long i = 0; i < a.repeats; i++) {
      float* line = scores + i * count;
      float* to = result(head + i, part);
      if (a.form.softcap > 0) kernel.softcap(line, count, a.form.softcap);
      to[a.dim] = kernel.largest(line, count);
      to[a.dim + 1] = kernel.exp_sum(line, count, to[a.dim]);
    }
    for (long at = 0; at < count; at += kUnpacked) {
      long some = std::min(kUnpacked, count - at);
      const float* values = a.v.rows(group, slot + at, some, unpacked);
      kernel.mix(repeats, some, static_cast<int>(a.dim), scores + at, count, values, a.v.step(), result(head, part),
                 parts * size);
    }
  };
  if ((end - begin) * a.dim * groups < kWorthWaking)
    for (int tile = 0; tile < groups * parts; tile++) work(tile);
  else
    parallel_for(static_cast<int>(groups * parts), work);
  for (long head = 0; head < a.heads; head++) {
    float most = result(head, 0)[a.dim];
    for (long part = 1; part < parts; part++) most = std::max(most, result(head, part)[a.dim]);
    float sum = 0;
    float* to = a.result(query, head);
    std::fill_n(to, a.dim, 0.0F);
    for (long part = 0; part < parts; part++) {
      const float* from = result(head, part);
      float factor = std::exp(from[a.dim] - most);
      sum += factor * from[a.dim + 1];
      for (long i = 0; i < a.dim; i++) to[i] += factor * from[i];
    }
    kernel.scale(to, a.dim, 1 / sum);
  }
}

void attend(const Attending& a) {
  if (a.queries > kFewQueries) return attend_many(a);
  for (long query = 0; query < a.queries; query++) attend_one(a, query);
}

// Brings slots [from, from + kept) of a buffer to the begin of `to`, which may have its memory.
void keep(const mx::array& old, long from, long kept, mx::array& to) {
  long dim = to.shape(3);
  for (long head = 0; head < to.shape(1); head++) {
    const float* source = old.data<float>() + head * old.strides(1) + from * old.strides(2);
    float* target = to.data<float>() + head * to.strides(1);
    if (source == target) continue;
    if (old.strides(2) == dim) {
      std::memmove(target, source, static_cast<size_t>(kept * dim) * sizeof(float));
      continue;
    }
    for (long slot = 0; slot < kept; slot++)
      std::memcpy(target + slot * dim, source + slot * old.strides(2), static_cast<size_t>(dim) * sizeof(float));
  }
}

// One call of append_and_attend(). The inputs: projections, and the old buffers if there are some.
struct Appending {
  HeadsForm heads;
  HeadNorms norms;
  AttentionForm form;
  mx::array angles;
  long begin, count;
  long from, kept;  // slots of the old buffers

  void operator()(const Inputs& in, Outputs& out) const {
    for (size_t buffer = 1; buffer < in.size(); buffer++) keep(in[buffer], from, kept, out[buffer]);
    Rows rows(in[0]);
    for (long token = 0; token < count; token++) place(rows[begin + token], token, out);
    auto stored = [&](const mx::array& buffer, long first) {
      return Stored(buffer.data<float>() + first * buffer.strides(2), buffer.strides(1), buffer.strides(2));
    };
    long slots = kept + count;
    long seen = form.window ? std::min(slots, form.window - 1 + count) : slots;
    auto* mixed = out[0].data<float>();
    // Each result takes the place of its query.
    attend({.q = {.data = mixed, .head = heads.dim, .token = long{heads.queries} * heads.dim},
            .k = stored(out[1], slots - seen),
            .v = stored(out[2], slots - seen),
            .queries = count,
            .slots = seen,
            .dim = heads.dim,
            .heads = heads.queries,
            .repeats = heads.queries / heads.keys,
            .form = form,
            .out = mixed});
  }

 private:
  // Puts the heads of one token where they belong. x: its row of the projections.
  void place(const float* x, long token, Outputs& out) const {
    long dim = heads.dim;
    const float* keys = x + heads.queries * dim;
    const float* values = heads.values_are_keys ? keys : keys + heads.keys * dim;
    for (long head = 0; head < heads.queries; head++)
      rotated(norms.queries, x + head * dim, token, out[0].data<float>() + (token * heads.queries + head) * dim);
    for (long head = 0; head < heads.keys; head++) {
      long slot = head * out[1].shape(2) + kept + token;
      rotated(norms.keys, keys + head * dim, token, out[1].data<float>() + slot * dim);
      normed(norms.values, values + head * dim, out[2].data<float>() + slot * dim);
    }
  }

  void rotated(const std::optional<Norm>& norm, const float* x, long token, float* to) const {
    struct Normed;
    if (norm) {
      float* buffer = scratch<Normed>(static_cast<size_t>(heads.dim));
      normed(norm, x, buffer);
      x = buffer;
    }
    long half = angles.shape(2);
    const auto* cosines = angles.data<float>() + token * half;
    Rotation rotation{cosines, cosines + count * half, static_cast<int>(2 * half), heads.traditional};
    kernels().rotate(x, rotation, heads.dim, to);
  }

  void normed(const std::optional<Norm>& norm, const float* x, float* to) const {
    if (!norm)
      std::memcpy(to, x, static_cast<size_t>(heads.dim) * sizeof(float));
    else
      kernels().rms_norm(x, norm->weight ? norm->weight->data<float>() : nullptr, to, heads.dim, norm->eps);
  }
};

}  // namespace

mx::array attend(const mx::array& q, const Matrix& keys, const Matrix& values, const AttentionForm& form) {
  int heads = q.shape(1);
  int queries = q.shape(2);
  Inputs inputs{q};
  for (const auto* stored : {&keys, &values}) {
    inputs.push_back(stored->numbers);
    if (stored->quantized()) inputs.insert(inputs.end(), {*stored->scales, *stored->biases});
  }
  size_t first_value = keys.quantized() ? 4 : 2;
  return operation({.name = "attend"}, {queries, heads * q.shape(3)}, std::move(inputs),
                   [form, k = layout_of(keys), v = layout_of(values), first_value](const Inputs& in, mx::array& out) {
                     const auto& x = in[0];
                     attend({.q = {.data = x.data<float>(), .head = x.strides(1), .token = x.strides(2)},
                             .k = Stored(k, in, 1),
                             .v = Stored(v, in, first_value),
                             .queries = x.shape(2),
                             .slots = in[1].shape(2),
                             .dim = x.shape(3),
                             .heads = x.shape(1),
                             .repeats = x.shape(1) / in[1].shape(1),
                             .form = form,
                             .out = out.data<float>()});
                   });
}

Appended append_and_attend(const mx::array& projections, int begin, int count, const mx::array& angles,
                           const HeadsForm& heads, const HeadNorms& norms, const SlotRoom& room,
                           const AttentionForm& form) {
  Inputs inputs{projections};
  mx::Shape slots{1, heads.keys, room.capacity, heads.dim};
  std::vector<Result> results{
      {.shape = {count, heads.queries * heads.dim}}, {.shape = slots, .takes = 1}, {.shape = slots, .takes = 2}};
  if (room.keys)
    inputs.insert(inputs.end(), {*room.keys, *room.values});
  else
    results[1].takes = results[2].takes = std::nullopt;
  Appending work{.heads = heads,
                 .norms = norms,
                 .form = form,
                 .angles = angles,
                 .begin = begin,
                 .count = count,
                 .from = room.from,
                 .kept = room.kept};
  auto made = operation("append_and_attend", results, inputs, work);
  return {.mixed = made[0], .keys = made[1], .values = made[2]};
}

}  // namespace tether::cpu
