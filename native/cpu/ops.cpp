// MLX operations that tether's own kernels compute on a CPU.
#include "cpu/ops.h"

#include <mlx/backend/cpu/encoder.h>
#include <mlx/primitives.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cpu/blas/blas.h"
#include "cpu/pool.h"

namespace tether::cpu {
namespace {

using Inputs = std::vector<mx::array>;
using Work = std::function<void(const Inputs& in, mx::array& out)>;

struct Kind {
  const char* name;
  bool in_place = false;  // the output may be written where the first input is
};

// Allocates its output, float32 and row by row, and has `work` fill it on the stream's thread.
class Operation : public mx::UnaryPrimitive {
 public:
  Operation(mx::Stream stream, Kind kind, Work work) : UnaryPrimitive(stream), kind_(kind), work_(std::move(work)) {}

  void eval_cpu(const Inputs& inputs, mx::array& out) override {
    const auto& first = inputs[0];
    if (kind_.in_place && first.is_donatable() && first.flags().row_contiguous && first.size() == out.size())
      out.copy_shared_buffer(first);
    else
      out.set_data(mx::allocator::malloc(out.nbytes()));
    Inputs in;
    // MLX keeps inputs and output until their work is done; further references would keep buffers from being reused.
    for (const auto& input : inputs) in.push_back(mx::array::unsafe_weak_copy(input));
    mx::cpu::get_command_encoder(stream()).dispatch(
        [work = work_, in = std::move(in), result = mx::array::unsafe_weak_copy(out)]() mutable { work(in, result); });
  }

  void eval_gpu(const Inputs&, mx::array&) override {
    throw std::logic_error(std::string(kind_.name) + " is an operation of the CPU");
  }

  const char* name() const override { return kind_.name; }

 private:
  Kind kind_;
  Work work_;
};

mx::array operation(Kind kind, const mx::Shape& shape, Inputs inputs, Work work) {
  auto stream = mx::default_stream(mx::Device::cpu);
  return {shape, mx::float32, std::make_shared<Operation>(stream, kind, std::move(work)), std::move(inputs)};
}

// Rows of the last axis, wherever they lie. What is not contiguous along that axis is copied.
class Rows {
 public:
  explicit Rows(const mx::array& x) : width_(x.shape(-1)) {
    bool whole = x.flags().row_contiguous;
    bool plain = x.ndim() == 2 && (x.strides(1) == 1 || width_ == 1);
    if (whole || plain) {
      data_ = x.data<float>();
      step_ = whole ? width_ : x.strides(0);
      return;
    }
    copy(x);
    data_ = copied_.data();
    step_ = width_;
  }

  const float* operator[](long row) const { return data_ + row * step_; }
  long step() const { return step_; }
  long width() const { return width_; }

 private:
  void copy(const mx::array& x) {
    copied_.reserve(x.size());
    std::vector<int> index(x.ndim(), 0);
    const auto* data = x.data<float>();
    for (size_t i = 0; i < x.size(); i++) {
      int64_t at = 0;
      for (size_t axis = 0; axis < index.size(); axis++) at += index[axis] * x.strides()[axis];
      copied_.push_back(data[at]);
      for (size_t axis = index.size(); axis-- > 0;) {
        if (++index[axis] < x.shape()[axis]) break;
        index[axis] = 0;
      }
    }
  }

  const float* data_ = nullptr;
  long step_ = 0;
  long width_;
  std::vector<float> copied_;
};

long ceil_of(long a, long b) { return (a + b - 1) / b; }

// A thread's own room for numbers; what it holds is gone with the next call of the same tag.
template <class Tag>
float* room(size_t count) {
  thread_local std::vector<float> numbers;
  if (numbers.size() < count) numbers.resize(count);
  return numbers.data();
}

// ---- elementwise ----

// Numbers that a thread is worth waking for: some ten microseconds of work.
constexpr long kGrain = 16384;

// Calls work(begin, end) for parts of [0, count) of about so many numbers each.
void in_parts(long count, long numbers_each, const std::function<void(long, long)>& work) {
  long each = std::max<long>(1, kGrain / std::max<long>(1, numbers_each));
  if (count <= each) return work(0, count);
  auto tiles = static_cast<int>(ceil_of(count, each));
  parallel_for(tiles, [&](int tile) { work(tile * each, std::min(count, (tile + 1) * each)); });
}

// ---- products ----

// Bytes of a matrix that one tile of a product by few rows reads.
constexpr long kTileBytes = 65536;
// Numbers of a packed matrix that are expanded at a time for a product by many rows: what the second-level cache holds.
constexpr long kExpanded = 131072;

struct Reader {
  PackedMatrix matrix;

  // `in`: weight, then scales and biases if it has them.
  Reader(const PackedMatrix& form, const Inputs& in, size_t first) : matrix(form) {
    matrix.weight = in[first].data<char>();
    if (form.bits < 16 || form.format == PackedMatrix::Format::affine) matrix.scales = in[first + 1].data<char>();
    if (form.format == PackedMatrix::Format::affine) matrix.biases = in[first + 2].data<float>();
  }

  // The same of the rows from `row` on.
  PackedMatrix from(long row) const {
    auto part = matrix;
    auto groups = row * matrix.width / matrix.group;
    part.weight = static_cast<const char*>(matrix.weight) + row * matrix.row_bytes();
    if (matrix.biases) part.biases = matrix.biases + groups;
    if (matrix.scales)
      part.scales = static_cast<const char*>(matrix.scales) + groups * (matrix.biases ? long{sizeof(float)} : 1);
    return part;
  }
};

// Columns [begin, end) of y = x w^T, on this thread.
void multiply(long m, const float* x, long ldx, const PackedMatrix& w, long begin, long end, float* y, long ldy) {
  if (m <= kFewRows) return kernels().few_rows(static_cast<int>(m), x, ldx, w, begin, end, y, ldy);
  if (w.format == PackedMatrix::Format::f32) {
    const auto* weight = static_cast<const float*>(w.weight) + begin * w.width;
    return sgemm_transposed(m, end - begin, w.width, 1, x, ldx, weight, w.width, 0, y + begin, ldy);
  }
  struct Expanded;
  long most = std::max<long>(16, kExpanded / w.width);
  for (long column = begin; column < end; column += most) {
    long count = std::min(most, end - column);
    float* weights = room<Expanded>(static_cast<size_t>(count * w.width));
    for (long i = 0; i < count; i++) kernels().expand(w, column + i, 0, w.width, weights + i * w.width);
    sgemm_transposed(m, count, w.width, 1, x, ldx, weights, w.width, 0, y + column, ldy);
  }
}

// Columns of a tile, a multiple of what the kernels take side by side.
long tile_columns(long m, long n, const PackedMatrix& w) {
  long threads = pool_threads();
  if (threads == 1) return n;
  long columns = m <= kFewRows ? kTileBytes / std::max<long>(1, w.row_bytes()) : ceil_of(n, threads * 4);
  if (m > kFewRows) columns = std::max<long>(columns, 32);
  return ceil_of(std::max<long>(columns, 1), 16) * 16;
}

void product_of(const Inputs& in, const PackedMatrix& form, mx::array& out) {
  Rows x(in[0]);
  Reader reader(form, in, 1);
  long m = out.shape(0);
  long n = out.shape(1);
  auto* y = out.data<float>();
  long columns = tile_columns(m, n, form);
  parallel_for(static_cast<int>(ceil_of(n, columns)), [&](int tile) {
    long begin = tile * columns;
    multiply(m, x[0], x.step(), reader.matrix, begin, std::min(n, begin + columns), y, n);
  });
}

Inputs with_matrix(Inputs inputs, const Matrix& matrix) {
  inputs.push_back(matrix.weight);
  if (matrix.scales) inputs.push_back(*matrix.scales);
  if (matrix.biases) inputs.push_back(*matrix.biases);
  return inputs;
}

void expert_product_of(const Inputs& in, const PackedMatrix& form, long rows, mx::array& out) {
  Rows x(in[0]);
  Reader reader(form, in, 2);
  const auto* experts = in[1].data<int32_t>();
  auto count = static_cast<long>(in[1].size());
  long width = form.width;
  // One row of x for each of the experts of a token, or one row for all of them.
  long shared = count / (static_cast<long>(in[0].size()) / width);
  std::vector<std::vector<long>> places(static_cast<size_t>(in[2].shape(0)));
  for (long i = 0; i < count; i++) places[static_cast<size_t>(experts[i])].push_back(i);
  std::erase_if(places, [](const auto& each) { return each.empty(); });
  long columns = std::min(rows, ceil_of(rows, 64) * 16);
  long tiles = ceil_of(rows, columns);
  auto* y = out.data<float>();
  parallel_for(static_cast<int>(static_cast<long>(places.size()) * tiles), [&](int tile) {
    struct Gathered;
    struct Results;
    const auto& mine = places[static_cast<size_t>(tile / tiles)];
    auto m = static_cast<long>(mine.size());
    long begin = tile % tiles * columns;
    long end = std::min(rows, begin + columns);
    float* gathered = room<Gathered>(static_cast<size_t>(m * width));
    float* results = room<Results>(static_cast<size_t>(m * rows));
    for (long i = 0; i < m; i++)
      std::memcpy(gathered + i * width, x[mine[static_cast<size_t>(i)] / shared],
                  static_cast<size_t>(width) * sizeof(float));
    multiply(m, gathered, width, reader.from(experts[mine[0]] * rows), begin, end, results, rows);
    for (long i = 0; i < m; i++)
      std::memcpy(y + mine[static_cast<size_t>(i)] * rows + begin, results + i * rows + begin,
                  static_cast<size_t>(end - begin) * sizeof(float));
  });
}

// ---- attention ----

// Queries and slots of one block of scores: what the second-level cache holds.
constexpr long kQueries = 64;
constexpr long kSlots = 512;
// Queries up to which each is taken by itself.
constexpr long kFewQueries = 4;
// Slots that are unpacked at a time for one query: what the first-level cache holds.
constexpr long kUnpacked = 64;
// Numbers of keys below which one query is computed without waking others.
constexpr long kWorthWaking = 524288;
// Slots that are worth a tile of their own when one query looks at many.
constexpr long kSlotsOfTile = 1024;

// Queries by head and token.
struct Queries {
  const float* data;
  long head;  // floats from one head to the next
  long token;

  explicit Queries(const mx::array& x) : data(x.data<float>()), head(x.strides(1)), token(x.strides(2)) {}

  const float* at(long h, long t) const { return data + h * head + t * token; }
};

// Keys or values by head and slot.
class Stored {
 public:
  // in[first]: the numbers; where they are packed scales and biases come after them.
  Stored(const Inputs& in, size_t first, int bits, long dim) : numbers_(in[first].data<char>()), bits_(bits) {
    head_ = in[first].strides(1);
    slot_ = in[first].strides(2);
    form_.width = dim;
    if (!bits) return;
    const auto& scales = in[first + 1];
    const auto& biases = in[first + 2];
    form_.format = PackedMatrix::Format::affine;
    form_.bits = bits;
    form_.group = static_cast<int>(dim / scales.shape(3));
    scales_ = scales.data<float>();
    biases_ = biases.data<float>();
    scales_head_ = scales.strides(1);
    biases_head_ = biases.strides(1);
    // A head is read as a matrix.
    if (slot_ != in[first].shape(3) || scales.strides(2) != scales.shape(3) || biases.strides(2) != biases.shape(3))
      throw std::logic_error("packed keys and values must lie one token after another");
  }

  // `count` slots from `slot` on, step() floats from one to the next; unpacked into `buffer` where they are packed.
  const float* rows(long head, long slot, long count, float* buffer) const {
    if (!bits_) return reinterpret_cast<const float*>(numbers_) + head * head_ + slot * slot_;
    auto matrix = form_;
    matrix.weight = numbers_ + head * head_ * long{sizeof(uint32_t)};
    matrix.scales = scales_ + head * scales_head_;
    matrix.biases = biases_ + head * biases_head_;
    for (long i = 0; i < count; i++) kernels().expand(matrix, slot + i, 0, form_.width, buffer + i * form_.width);
    return buffer;
  }
  long step() const { return bits_ ? form_.width : slot_; }

 private:
  const char* numbers_;
  const float* scales_ = nullptr;
  const float* biases_ = nullptr;
  int bits_;
  long head_ = 0;  // elements from one head to the next
  long slot_ = 0;
  long scales_head_ = 0;
  long biases_head_ = 0;
  PackedMatrix form_;
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

// Scores of a block become shares, given what was seen before: the running maximum and sum of each query. (Milakov and
// Gimelshein, "Online normalizer calculation for softmax")
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
  float* unpacked = room<Unpacked>(static_cast<size_t>(kSlots * a.dim));
  float* scores = room<Scores>(static_cast<size_t>(kQueries * kSlots));
  float* mixed = room<Mixed>(static_cast<size_t>(kQueries * a.dim));
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
  long blocks = ceil_of(a.queries, kQueries);
  parallel_for(static_cast<int>(blocks * a.heads), [&](int tile) {
    // The last queries see most: they come first, so that no thread begins with them at the end.
    long begin = (blocks - 1 - tile / a.heads) * kQueries;
    attend_block(a, tile % a.heads, begin, std::min(kQueries, a.queries - begin));
  });
}

// One query of all heads: slots are cut into parts whose results are put together afterwards.
void attend_one(const Attending& a, long query) {
  const auto& kernel = kernels();
  long begin = a.first(query);
  long end = a.last(query);
  long groups = a.heads / a.repeats;
  long parts = pool_threads() == 1 ? 1 : ceil_of(end - begin, kSlotsOfTile);
  long each = ceil_of(end - begin, parts);
  long size = a.dim + 2;  // of a head's result in one part: numbers, maximum, sum
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
    float* scores = room<Scores>(static_cast<size_t>(a.repeats * count));
    long head = group * a.repeats;
    float* unpacked = room<Unpacked>(static_cast<size_t>(kUnpacked * a.dim));
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
  // Waking threads costs more than a short context.
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

thread_local bool left_to_mlx = false;

}  // namespace

bool in_use() { return !left_to_mlx && mx::default_device().type == mx::Device::cpu; }

void leave_to_mlx() { left_to_mlx = true; }

mx::array product(const mx::array& x, const Matrix& matrix) {
  return operation({.name = "product"}, {x.shape(0), matrix.weight.shape(0)}, with_matrix({x}, matrix),
                   [form = matrix.form](const Inputs& in, mx::array& out) { product_of(in, form, out); });
}

mx::array expert_product(const mx::array& x, const mx::array& experts, const Matrix& matrix) {
  int rows = matrix.weight.shape(1);
  auto shape = experts.shape();
  shape.push_back(1);
  shape.push_back(rows);
  auto chosen = mx::contiguous(mx::astype(experts, mx::int32));
  return operation(
      {.name = "expert_product"}, shape, with_matrix({x, chosen}, matrix),
      [form = matrix.form, rows](const Inputs& in, mx::array& out) { expert_product_of(in, form, rows, out); });
}

mx::array rows_of(const Matrix& matrix, const mx::array& ids) {
  auto width = static_cast<int>(matrix.form.width);
  return operation({.name = "rows_of"}, {ids.shape(0), width}, with_matrix({mx::contiguous(ids)}, matrix),
                   [form = matrix.form](const Inputs& in, mx::array& out) {
                     Reader reader(form, in, 1);
                     const auto* row = in[0].data<int32_t>();
                     auto* to = out.data<float>();
                     in_parts(out.shape(0), form.width, [&](long begin, long end) {
                       for (long i = begin; i < end; i++)
                         kernels().expand(reader.matrix, row[i], 0, form.width, to + i * form.width);
                     });
                   });
}

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
                         Rotation turn{cosines + token * half, sines + token * half, 2 * half, traditional};
                         for (long head = 0; head < heads; head++)
                           kernels().rotate(rows[begin + token] + head * dim, turn, dim,
                                            to + (head * count + token) * dim);
                       }
                     });
                   });
}

mx::array attend(const mx::array& q, const Cache& keys, const Cache& values, const AttentionForm& form) {
  int heads = q.shape(1);
  int queries = q.shape(2);
  Inputs inputs{q};
  for (const auto* cache : {&keys, &values}) {
    inputs.push_back(cache->numbers);
    if (cache->bits) inputs.insert(inputs.end(), {*cache->scales, *cache->biases});
  }
  return operation({.name = "attend"}, {queries, heads * q.shape(3)}, std::move(inputs),
                   [form, bits = keys.bits](const Inputs& in, mx::array& out) {
                     long dim = in[0].shape(3);
                     Attending a{.q = Queries(in[0]),
                                 .k = Stored(in, 1, bits, dim),
                                 .v = Stored(in, bits ? 4 : 2, bits, dim),
                                 .queries = in[0].shape(2),
                                 .slots = in[1].shape(2),
                                 .dim = dim,
                                 .heads = in[0].shape(1),
                                 .repeats = in[0].shape(1) / in[1].shape(1),
                                 .form = form,
                                 .out = out.data<float>()};
                     if (a.queries > kFewQueries) return attend_many(a);
                     for (long query = 0; query < a.queries; query++) attend_one(a, query);
                   });
}

}  // namespace tether::cpu
