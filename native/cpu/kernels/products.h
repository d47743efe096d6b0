// Products with few rows, which read the matrix once. Included by kernels.cpp alone.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/kernels/formats.h"
#include "cpu/kernels/halves.h"
#include "cpu/kernels/lanes.h"

namespace tether::TETHER_CPU {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

// Numbers of a cache line.
template <class Weight>
constexpr long kLine = 64 / sizeof(Weight);

// Bytes from what is read to what is prefetched: the hardware's prefetchers stop at the end of a page.
constexpr long kAhead = 3072;
// The same of scales and biases of an interleaved matrix, in its groups.
constexpr long kGroupsAhead = 4;

// Keeps loaded lanes in a register: compilers would load them again for each use.
TETHER_INLINE Floats kept(Floats lanes) {
#if defined(__x86_64__)
  __asm__("" : "+v"(lanes));
#elif defined(__aarch64__)
  __asm__("" : "+w"(lanes));
#endif
  return lanes;
}

// `Rows` rows of a by `Columns` rows of b.
template <int Rows, int Columns, class Weight>
TETHER_INLINE void block(long k, float alpha, const float* a, long lda, const Weight* b, long ldb, float beta, float* c,
                         long ldc) {
  Floats sums[Rows][Columns];
  for (auto& row : sums)
    for (auto& sum : row) sum = Floats{};
  long i = 0;
  auto step = [&] {
    Floats weights[Columns];
    for (int column = 0; column < Columns; column++) weights[column] = kept(load(b + column * ldb + i));
    for (int row = 0; row < Rows; row++) {
      Floats x = kept(load(a + row * lda + i));
      for (int column = 0; column < Columns; column++) sums[row][column] += x * weights[column];
    }
    i += kLanes;
  };
  while (i + kLine<Weight> <= k) {
    // Prefetch the next block: rows of halves are too short for the hardware prefetcher.
    if constexpr (sizeof(Weight) == 2)
      for (int column = 0; column < Columns; column++) __builtin_prefetch(b + (column + Columns) * ldb + i);
    for (int part = 0; part < kLine<Weight> / kLanes; part++) step();
  }
  while (i + kLanes <= k) step();
  for (int row = 0; row < Rows; row++)
    for (int column = 0; column < Columns; column++) {
      float dot = sum_of(sums[row][column]);
      for (long rest = i; rest < k; rest++) dot += a[row * lda + rest] * number(b[column * ldb + rest]);
      float* out = c + row * ldc + column;
      *out = alpha * dot + (beta == 0 ? 0 : beta * *out);
    }
}

// One row of a: the matrix is read sequentially, which is fastest.
template <class Weight>
TETHER_INLINE float dot(long k, const float* a, const Weight* b) {
  constexpr int kSteps = 4;
  Floats sums[kSteps] = {};
  long i = 0;
  constexpr long kAtOnce = kSteps * kLanes;
  for (; i + kAtOnce <= k; i += kAtOnce) {
    for (long at = 0; at < kAtOnce; at += kLine<Weight>)
      __builtin_prefetch(reinterpret_cast<const char*>(b + i + at) + kAhead);
    for (int step = 0; step < kSteps; step++) sums[step] += load(a + i + step * kLanes) * load(b + i + step * kLanes);
  }
  for (; i + kLanes <= k; i += kLanes) sums[0] += load(a + i) * load(b + i);
  float sum = sum_of((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < k; i++) sum += a[i] * number(b[i]);
  return sum;
}

template <int Value>
struct Count {};

// Calls work(Count<count>, row); count: at most `Most`.
template <int Most, class Work>
TETHER_INLINE void call_with(int count, int row, Work work) {
  if (count == Most) return work(Count<Most>(), row);
  if constexpr (Most > 1) call_with<Most - 1>(count, row, work);
}

// Calls work(Count<rows>, row) for groups of one to `Most` of m rows, of even sizes. The rows of a group stay in the L1
// cache, those of the matrix in the L2 cache.
template <int Most = 4, class Work>
TETHER_INLINE void in_groups(int m, Work work) {
  int row = 0;
  for (int groups = (m + Most - 1) / Most; groups > 0; groups--) {
    int count = (m - row + groups - 1) / groups;
    call_with<Most>(count, row, work);
    row += count;
  }
}

// As many sums at a time as keep the multipliers busy and fit into the registers.
template <int Rows, class Weight>
TETHER_INLINE void rows(long n, long k, float alpha, const float* a, long lda, const Weight* b, long ldb, float beta,
                        float* c, long ldc) {
  constexpr int kColumns = Rows == 2 ? 4 : (kSums + Rows - 1) / Rows;
  long column = 0;
  for (; column + kColumns <= n; column += kColumns)
    block<Rows, kColumns>(k, alpha, a, lda, b + column * ldb, ldb, beta, c + column, ldc);
  for (; column < n; column++) block<Rows, 1>(k, alpha, a, lda, b + column * ldb, ldb, beta, c + column, ldc);
}

template <class Weight>
void product(int m, long n, long k, float alpha, const float* a, long lda, const Weight* b, long ldb, float beta,
             float* c, long ldc) {
  if (m == 1) {
    for (long column = 0; column < n; column++)
      c[column] = alpha * dot(k, a, b + column * ldb) + (beta == 0 ? 0 : beta * c[column]);
    return;
  }
  in_groups(m, [&]<int Rows>(Count<Rows>, int row) {
    rows<Rows>(n, k, alpha, a + row * lda, lda, b, ldb, beta, c + row * ldc, ldc);
  });
}

inline void few_rows_f32(int m, int n, long k, float alpha, const float* a, long lda, const float* b, long ldb,
                         float beta, float* c, long ldc) {
  product(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

inline void few_rows_f16(int m, int n, long k, float alpha, const float* a, long lda, const uint16_t* b, long ldb,
                         float beta, float* c, long ldc) {
  product(m, n, k, alpha, a, lda, reinterpret_cast<const Half*>(b), ldb, beta, c, ldc);
}

// Numbers of a row that are expanded at a time, which fit into the L1 cache for a few rows: a multiple of all group
// sizes.
constexpr long kPiece = 1024;

// Rows that are expanded at a time.
constexpr int kRows = 4;

template <int Count>
TETHER_INLINE void expanded(int m, const float* x, long ldx, const MatrixView& w, long row, float* y, long ldy) {
  alignas(64) float weights[Count * kPiece];
  for (long begin = 0; begin < w.width; begin += kPiece) {
    long count = w.width - begin < kPiece ? w.width - begin : kPiece;
    for (int i = 0; i < Count; i++) expand(w, row + i, begin, count, weights + i * kPiece);
    product(m, Count, count, 1, x + begin, ldx, weights, kPiece, begin ? 1 : 0, y + row, ldy);
  }
}

// The lanes are the numbers themselves.
struct PlainLanes {
  static constexpr float kScale = 1;
  static constexpr float kShift = 0;
  using Loaded = Words;
};

// Numbers in the order in which unpacking leaves them in registers: lane i of the vectors of one load belongs to the
// number that arrange() puts at i. A number is kScale (lane - kShift).
template <unsigned Bits>
struct Lanes : PlainLanes {
  static constexpr long kVectors = 1;  // vectors of one load

  TETHER_INLINE static Loaded load(const uint8_t* in) { return unpack<Bits>(in); }
  TETHER_INLINE static Floats vector(Loaded words, unsigned) { return to_floats(words); }
  TETHER_INLINE static void arrange(const float* x, float* out) { std::memcpy(out, x, sizeof(Floats)); }
};

#if defined(__AVX512F__)
// Sixteen numbers are one broadcast, a rotation and a merge: their bits become the upper ones of a mantissa, which
// makes 1 + q / 16. The order is 0, 8, 1, 9, ….
template <>
struct Lanes<4> {
  static constexpr float kScale = 16;
  static constexpr float kShift = 1;
  static constexpr long kVectors = 1;
  using Loaded = __m512i;

  TETHER_INLINE static Loaded load(const uint8_t* in) { return _mm512_set1_epi64(load_as<long long>(in)); }
  TETHER_INLINE static Floats vector(Loaded both, unsigned) {
    const __m512i rotation = _mm512_set_epi32(23, 23, 27, 27, 31, 31, 3, 3, 7, 7, 11, 11, 15, 15, 19, 19);
    constexpr int kAndThenOr = 0xf8;  // a | (b & c)
    return as<Floats>(_mm512_ternarylogic_epi32(_mm512_set1_epi32(0x3f800000), _mm512_rolv_epi32(both, rotation),
                                                _mm512_set1_epi32(0x780000), kAndThenOr));
  }
  TETHER_INLINE static void arrange(const float* x, float* out) {
    for (long i = 0; i < kLanes; i++) out[i] = x[i / 2 + i % 2 * (kLanes / 2)];
  }
};
#elif defined(__AVX2__)
// 32 numbers are four words of eight, in both halves of a register. A shift brings one number of each word down, the
// one four places on in the other half.
template <>
struct Lanes<4> : PlainLanes {
  static constexpr long kVectors = 4;

  TETHER_INLINE static Loaded load(const uint8_t* in) {
    return as<Words>(_mm256_broadcastsi128_si256(load_as<__m128i>(in)));
  }
  TETHER_INLINE static Floats vector(Loaded words, unsigned part) {
    const Words shift = 4 * part + Words{0, 0, 0, 0, 16, 16, 16, 16};
    return to_floats(words >> shift & 15U);
  }
  TETHER_INLINE static void arrange(const float* x, float* out) {
    auto row = [x](long i) { return load_as<__m256>(x + i * kLanes); };
    auto low = _mm256_unpacklo_ps(row(0), row(2));  // 0 of row 0, 0 of row 2, 1 of row 0, …
    auto low2 = _mm256_unpacklo_ps(row(1), row(3));
    auto high = _mm256_unpackhi_ps(row(0), row(2));
    auto high2 = _mm256_unpackhi_ps(row(1), row(3));
    _mm256_storeu_ps(out, _mm256_unpacklo_ps(low, low2));
    _mm256_storeu_ps(out + kLanes, _mm256_unpackhi_ps(low, low2));
    _mm256_storeu_ps(out + 2 * kLanes, _mm256_unpacklo_ps(high, high2));
    _mm256_storeu_ps(out + 3 * kLanes, _mm256_unpackhi_ps(high, high2));
  }
};
#else
// Words of eight, one in each lane. A shift brings one number of each down.
template <>
struct Lanes<4> : PlainLanes {
  static constexpr long kVectors = 8;

  TETHER_INLINE static Loaded load(const uint8_t* in) { return load_as<Words>(in); }
  TETHER_INLINE static Floats vector(Loaded words, unsigned part) { return to_floats(words >> (4 * part) & 15U); }
  TETHER_INLINE static void arrange(const float* x, float* out) {
    for (long i = 0; i < kVectors * kLanes; i++) out[i % kVectors * kLanes + i / kVectors] = x[i];
  }
};
#endif

// Up to four rows times rows of an affine matrix, which are unpacked in registers only: within a group sum(x (s q + b))
// is s sum(x q) + b sum(x).
template <unsigned Bits, int Rows>
class Unpacked {
 public:
  // Numbers of a row that are prepared at a time, which fit into the L1 cache: a multiple of all group sizes.
  static constexpr long kMost = 4096 / (Rows == 3 ? 4 : Rows);

  // x: `count` numbers of each row, to be multiplied by columns [begin, begin + count) of the matrix.
  Unpacked(const MatrixView& w, const float* x, long ldx, long begin, long count)
      : w_(w), begin_(begin), count_(count) {
    for (int row = 0; row < Rows; row++)
      for (long group = 0; group * w.quantization.group_size < count; group++) {
        const float* from = x + row * ldx + group * w.quantization.group_size;
        Floats sum = {};
        for (long i = 0; i < w.quantization.group_size; i += kLanes) sum += load(from + i);
        sums_[group][row] = sum_of(sum);
        for (long i = 0; i < w.quantization.group_size; i += kStep)
          Numbers::arrange(from + i, x_[row] + group * w.quantization.group_size + i);
      }
  }

  // Adds the sums of `Columns` rows of the matrix, from row `column` on, to y.
  template <int Columns>
  TETHER_INLINE void add_to(long column, float* y, long ldy) const {
    const long at = column * w_.width + begin_;
    const long groups = w_.width / w_.quantization.group_size;
    const long bytes = w_.width * Bits / 8;
    const long size = w_.quantization.group_size;
    const auto* in = static_cast<const uint8_t*>(w_.numbers) + at * Bits / 8;
    const auto* scales = static_cast<const float*>(w_.scales) + at / size;
    const auto* biases = w_.biases + at / size;
    Floats totals[Columns][Rows];
    float shifts[Columns][Rows] = {};
    for (auto& each : totals)
      for (auto& total : each) total = Floats{};
    const float* x = x_[0];
    for (long group = 0; group * size < count_; group++) {
      Floats sums[Columns][Rows];
      for (auto& each : sums)
        for (auto& sum : each) sum = Floats{};
      // As in block().
      for (int j = 0; j < Columns; j++) __builtin_prefetch(in + (j + Columns) * bytes);
      for (long i = 0; i < size; i += kStep, x += kStep, in += kStep * Bits / 8) {
        typename Numbers::Loaded loaded[Columns];
        for (int j = 0; j < Columns; j++) loaded[j] = Numbers::load(in + j * bytes);
        for (unsigned part = 0; part < Numbers::kVectors; part++) {
          Floats lanes[Rows];
          for (int row = 0; row < Rows; row++) lanes[row] = kept(load(x + row * kMost + part * kLanes));
          for (int j = 0; j < Columns; j++) {
            Floats weights = Numbers::vector(loaded[j], part);
            for (int row = 0; row < Rows; row++) sums[j][row] += lanes[row] * weights;
          }
        }
      }
      for (int j = 0; j < Columns; j++) {
        float scale = Numbers::kScale * scales[j * groups + group];
        float shift = biases[j * groups + group] - Numbers::kShift * scale;
        for (int row = 0; row < Rows; row++) {
          totals[j][row] += sums[j][row] * scale;
          shifts[j][row] += shift * sums_[group][row];
        }
      }
    }
    for (int row = 0; row < Rows; row++)
      for (int j = 0; j < Columns; j++) y[row * ldy + column + j] += sum_of(totals[j][row]) + shifts[j][row];
  }

 private:
  using Numbers = Lanes<Bits>;
  static constexpr long kStep = Numbers::kVectors * kLanes;

  const MatrixView& w_;
  long begin_;
  long count_;
  alignas(64) float x_[Rows][kMost];
  float sums_[kMost / 32][Rows];
};

template <unsigned Bits, int Rows>
void unpacked(const float* x, long ldx, const MatrixView& w, long begin, long end, float* y, long ldy) {
  constexpr int kColumns = Rows <= 2 ? 4 : 2;
  using Part = Unpacked<Bits, Rows>;
  for (int row = 0; row < Rows; row++)
    for (long column = begin; column < end; column++) y[row * ldy + column] = 0;
  for (long piece = 0; piece < w.width; piece += Part::kMost) {
    long count = w.width - piece < Part::kMost ? w.width - piece : Part::kMost;
    Part part(w, x + piece, ldx, piece, count);
    long column = begin;
    for (; column + kColumns <= end; column += kColumns) part.template add_to<kColumns>(column, y, ldy);
    for (; column < end; column++) part.template add_to<1>(column, y, ldy);
  }
}

inline void few_rows(int m, const float* x, long ldx, const MatrixView& w, long begin, long end, float* y, long ldy) {
  const auto mode = w.quantization.mode;
  if (mode == QuantMode::none && w.type == FloatType::f32)
    return product(m, end - begin, w.width, 1, x, ldx, static_cast<const float*>(w.numbers) + begin * w.width, w.width,
                   0, y + begin, ldy);
  if (mode == QuantMode::none && w.type == FloatType::bf16)
    return product(m, end - begin, w.width, 1, x, ldx, static_cast<const uint16_t*>(w.numbers) + begin * w.width,
                   w.width, 0, y + begin, ldy);
  if (mode == QuantMode::none)
    return product(m, end - begin, w.width, 1, x, ldx, static_cast<const Half*>(w.numbers) + begin * w.width, w.width,
                   0, y + begin, ldy);
  const int bits = w.quantization.bits;
  if (mode == QuantMode::affine && (bits == 4 || bits == 8))
    return in_groups(m, [&]<int Rows>(Count<Rows>, int row) {
      auto multiply = bits == 4 ? unpacked<4, Rows> : unpacked<8, Rows>;
      multiply(x + row * ldx, ldx, w, begin, end, y + row * ldy, ldy);
    });
  long column = begin;
  for (; column + kRows <= end; column += kRows) expanded<kRows>(m, x, ldx, w, column, y, ldy);
  for (; column < end; column++) expanded<1>(m, x, ldx, w, column, y, ldy);
}

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace tether::TETHER_CPU
