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
constexpr long kQueries = 128;
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
        size_(static_cast<long>(in[first].itemsize())),
        head_(in[first].strides(1)),
        slot_(in[first].strides(2)) {
    bool gapless = slot_ == in[first].shape(3);
    if (quantized_) {
      const auto& scales = in[first + 1];
      const auto& biases = in[first + 2];
      scales_ = scales.data<float>();
      biases_ = biases.data<float>();
      scales_head_ = scales.strides(1);
      biases_head_ = biases.strides(1);
      gapless = gapless && scales.strides(2) == scales.shape(3) && biases.strides(2) == biases.shape(3);
    }
    // A head is read as a matrix.
    if (!is_float32() && !gapless) throw std::logic_error("keys and values must lie one token after another");
  }

  // A buffer of floats or halves without gaps, from slot `first` on.
  Stored(const mx::array& buffer, long first)
      : layout_{.type = buffer.dtype() == mx::float16 ? FloatType::f16 : FloatType::f32,
                .quantization = {},
                .width = buffer.shape(3)},
        quantized_(false),
        numbers_(buffer.data<char>() + first * buffer.strides(2) * static_cast<long>(buffer.itemsize())),
        size_(static_cast<long>(buffer.itemsize())),
        head_(buffer.strides(1)),
        slot_(buffer.strides(2)) {}

  // scores: (rows, count) = scale * q k^T for `count` slots from `slot` on. What is unpacked is written to `buffer`.
  void multiply(int rows, const float* q, long ldq, float scale, long head, long slot, long count, float* buffer,
                float* scores, long lds) const {
    auto some = static_cast<int>(count);
    if (is_float16())
      kernels().few_rows_f16(rows, some, layout_.width, scale, q, ldq, halves(head, slot), slot_, 0, scores, lds);
    else
      kernels().few_rows_f32(rows, some, layout_.width, scale, q, ldq, floats(head, slot, count, buffer), step(), 0,
                             scores, lds);
  }

  // out: (rows, width) += shares: (rows, count) times `count` slots from `slot` on.
  void mix(int rows, const float* shares, long lds, long head, long slot, long count, float* buffer, float* out,
           long ldo) const {
    auto dim = static_cast<int>(layout_.width);
    if (is_float16())
      kernels().mix_f16(rows, count, dim, shares, lds, halves(head, slot), slot_, out, ldo);
    else
      kernels().mix(rows, count, dim, shares, lds, floats(head, slot, count, buffer), step(), out, ldo);
  }

  // `count` slots from `slot` on, step() floats from one to the next; all but float32 is unpacked to `buffer`.
  const float* floats(long head, long slot, long count, float* buffer) const {
    if (is_float32()) return reinterpret_cast<const float*>(at(head, slot));
    auto matrix = layout_;
    if (!quantized_) {
      matrix.numbers = at(head, slot);
      kernels().expand(matrix, 0, 0, count * matrix.width, buffer);
      return buffer;
    }
    matrix.numbers = at(head, 0);
    matrix.scales = scales_ + head * scales_head_;
    matrix.biases = biases_ + head * biases_head_;
    for (long i = 0; i < count; i++) kernels().expand(matrix, slot + i, 0, matrix.width, buffer + i * matrix.width);
    return buffer;
  }
  long step() const { return is_float32() ? slot_ : layout_.width; }

 private:
  bool is_float32() const { return !quantized_ && layout_.type == FloatType::f32; }
  bool is_float16() const { return !quantized_ && layout_.type == FloatType::f16; }
  const char* at(long head, long slot) const { return numbers_ + (head * head_ + slot * slot_) * size_; }
  const uint16_t* halves(long head, long slot) const { return reinterpret_cast<const uint16_t*>(at(head, slot)); }

  MatrixView layout_;
  bool quantized_;
  const char* numbers_;
  long size_;  // bytes of an element
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
                     a.k.floats(kv, slot, count, unpacked), a.k.step(), 0, scores, kSlots);
    if (a.form.softcap > 0)
      for (long row = 0; row < rows; row++) kernels().softcap(scores + row * kSlots, count, a.form.softcap);
    to_shares(a, begin, rows, slot, count, scores, most.data(), sums.data(), mixed);
    sgemm(rows, a.dim, count, 1, scores, kSlots, a.v.floats(kv, slot, count, unpacked), a.v.step(), 1, mixed, a.dim);
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
      a.k.multiply(repeats, a.q.at(head, query), a.q.head, a.form.scale, group, slot + at, some, unpacked, scores + at,
                   count);
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
      a.v.mix(repeats, scores + at, count, group, slot + at, some, unpacked, result(head, part), parts * size);
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
  auto size = static_cast<long>(to.itemsize());
  long slot_bytes = to.shape(3) * size;
  for (long head = 0; head < to.shape(1); head++) {
    const char* source = old.data<char>() + (head * old.strides(1) + from * old.strides(2)) * size;
    char* target = to.data<char>() + head * to.strides(1) * size;
    if (source == target) continue;
    if (old.strides(2) == to.shape(3)) {
      std::memmove(target, source, static_cast<size_t>(kept * slot_bytes));
      continue;
    }
    for (long slot = 0; slot < kept; slot++)
      std::memcpy(target + slot * slot_bytes, source + slot * old.strides(2) * size, static_cast<size_t>(slot_bytes));
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
    long slots = kept + count;
    long seen = form.window ? std::min(slots, form.window - 1 + count) : slots;
    auto* mixed = out[0].data<float>();
    // Each result takes the place of its query.
    attend({.q = {.data = mixed, .head = heads.dim, .token = long{heads.queries} * heads.dim},
            .k = Stored(out[1], slots - seen),
            .v = Stored(out[2], slots - seen),
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
      store(out[1], slot, [&](float* to) { rotated(norms.keys, keys + head * dim, token, to); });
      store(out[2], slot, [&](float* to) { normed(norms.values, values + head * dim, to); });
    }
  }

  // make: writes the floats of a slot to where it is told.
  template <class Make>
  void store(mx::array& buffer, long slot, Make make) const {
    struct Slot;
    long dim = heads.dim;
    if (buffer.dtype() == mx::float32) return make(buffer.data<float>() + slot * dim);
    float* floats = scratch<Slot>(static_cast<size_t>(dim));
    make(floats);
    kernels().round_halves(floats, reinterpret_cast<uint16_t*>(buffer.data<char>()) + slot * dim, dim);
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
  std::vector<Result> results{{.shape = {count, heads.queries * heads.dim}},
                              {.shape = slots, .dtype = room.dtype, .takes = 1},
                              {.shape = slots, .dtype = room.dtype, .takes = 2}};
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
