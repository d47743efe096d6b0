// Float32 arithmetic as wide as the processor's registers. Compiled several times, once for each kind of processor
// (TETHER_CPU names it): nothing here may be shared with other files, or one of them would get instructions that its
// processor does not have. Hence no templates of the standard library.
#include "cpu/kernels.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <cmath>
#include <cstring>

namespace tether {
namespace {

// NOLINTBEGIN(modernize-avoid-c-arrays): std::array would drop the vector types' attribute

#if defined(__AVX512F__)
constexpr long kLanes = 16;
constexpr int kColumns = 4;  // of the matrix that are read side by side: as many as registers allow
#elif defined(__AVX2__)
constexpr long kLanes = 8;
constexpr int kColumns = 2;
#elif defined(__aarch64__)
constexpr long kLanes = 4;
constexpr int kColumns = 4;
#else
constexpr long kLanes = 4;
constexpr int kColumns = 2;
#endif

template <class Number, long Count = kLanes>
struct VectorOf {
  using Type [[gnu::vector_size(Count * sizeof(Number))]] = Number;
};
using Floats = VectorOf<float>::Type;
using Words = VectorOf<uint32_t>::Type;
using Integers = VectorOf<int32_t>::Type;

#define TETHER_INLINE [[gnu::always_inline]] inline

// The same bits as another type.
template <class To, class From>
TETHER_INLINE To as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <class Vector>
TETHER_INLINE Vector load_as(const void* from) {
  Vector lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

TETHER_INLINE Floats load(const float* from) { return load_as<Floats>(from); }

// So many bytes or 16-bit numbers as there are lanes. Compilers do not find these instructions by themselves.
TETHER_INLINE Words widen(const uint8_t* from) {
#if defined(__AVX512F__)
  return as<Words>(_mm512_cvtepu8_epi32(load_as<__m128i>(from)));
#elif defined(__AVX2__)
  return as<Words>(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(load_as<long long>(from))));
#else
  return __builtin_convertvector(load_as<VectorOf<uint8_t>::Type>(from), Words);
#endif
}

TETHER_INLINE Words widen(const uint16_t* from) {
#if defined(__AVX512F__)
  return as<Words>(_mm512_cvtepu16_epi32(load_as<__m256i>(from)));
#elif defined(__AVX2__)
  return as<Words>(_mm256_cvtepu16_epi32(load_as<__m128i>(from)));
#else
  return __builtin_convertvector(load_as<VectorOf<uint16_t>::Type>(from), Words);
#endif
}

// bfloat16 is the upper half of a float.
TETHER_INLINE Floats load(const uint16_t* from) { return as<Floats>(widen(from) << 16U); }

TETHER_INLINE void store(float* to, Floats lanes) { std::memcpy(to, &lanes, sizeof lanes); }

// The first `count` numbers, the rest 0.
TETHER_INLINE Floats load_some(const float* from, long count) {
  Floats lanes = {};
  std::memcpy(&lanes, from, static_cast<size_t>(count) * sizeof(float));
  return lanes;
}

TETHER_INLINE void store_some(float* to, Floats lanes, long count) {
  std::memcpy(to, &lanes, static_cast<size_t>(count) * sizeof(float));
}

TETHER_INLINE float number(float from) { return from; }
TETHER_INLINE float number(uint16_t from) { return as<float>(static_cast<uint32_t>(from) << 16U); }

TETHER_INLINE float sum_of(Floats lanes) {
  float parts[kLanes];
  std::memcpy(parts, &lanes, sizeof parts);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) parts[i] += parts[i + half];
  return parts[0];
}

// ---- products ----

// `Rows` rows of a by `Columns` rows of b.
template <int Rows, int Columns, class Weight>
TETHER_INLINE void block(long k, float alpha, const float* a, long lda, const Weight* b, long ldb, float beta, float* c,
                         long ldc) {
  Floats sums[Rows][Columns] = {};
  long i = 0;
  for (; i + kLanes <= k; i += kLanes) {
    Floats weights[Columns];
    for (int column = 0; column < Columns; column++) {
      weights[column] = load(b + column * ldb + i);
      // The same place in the next block: rows of halves are too short for the processor to see that reading goes on.
      if constexpr (sizeof(Weight) == 2) __builtin_prefetch(b + (column + Columns) * ldb + i);
    }
    for (int row = 0; row < Rows; row++) {
      Floats x = load(a + row * lda + i);
      for (int column = 0; column < Columns; column++) sums[row][column] += x * weights[column];
    }
  }
  for (int row = 0; row < Rows; row++)
    for (int column = 0; column < Columns; column++) {
      float dot = sum_of(sums[row][column]);
      for (long rest = i; rest < k; rest++) dot += a[row * lda + rest] * number(b[column * ldb + rest]);
      float* out = c + row * ldc + column;
      *out = alpha * dot + (beta == 0 ? 0 : beta * *out);
    }
}

template <int Columns, class Weight>
TETHER_INLINE void columns(int m, long k, float alpha, const float* a, long lda, const Weight* b, long ldb, float beta,
                           float* c, long ldc) {
  int row = 0;
  for (; row + 4 <= m; row += 4) block<4, Columns>(k, alpha, a + row * lda, lda, b, ldb, beta, c + row * ldc, ldc);
  a += row * lda;
  c += row * ldc;
  if (m - row == 3) block<3, Columns>(k, alpha, a, lda, b, ldb, beta, c, ldc);
  if (m - row == 2) block<2, Columns>(k, alpha, a, lda, b, ldb, beta, c, ldc);
  if (m - row == 1) block<1, Columns>(k, alpha, a, lda, b, ldb, beta, c, ldc);
}

// One row of a: the matrix is read in the order in which it lies, which memory is fastest at.
template <class Weight>
TETHER_INLINE float dot(long k, const float* a, const Weight* b) {
  constexpr int kSteps = 4;
  Floats sums[kSteps] = {};
  long i = 0;
  for (; i + kSteps * kLanes <= k; i += kSteps * kLanes)
    for (int step = 0; step < kSteps; step++) sums[step] += load(a + i + step * kLanes) * load(b + i + step * kLanes);
  for (; i + kLanes <= k; i += kLanes) sums[0] += load(a + i) * load(b + i);
  float sum = sum_of((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < k; i++) sum += a[i] * number(b[i]);
  return sum;
}

template <class Weight>
void product(int m, long n, long k, float alpha, const float* a, long lda, const Weight* b, long ldb, float beta,
             float* c, long ldc) {
  if (m == 1) {
    for (long column = 0; column < n; column++)
      c[column] = alpha * dot(k, a, b + column * ldb) + (beta == 0 ? 0 : beta * c[column]);
    return;
  }
  long column = 0;
  for (; column + kColumns <= n; column += kColumns)
    columns<kColumns>(m, k, alpha, a, lda, b + column * ldb, ldb, beta, c + column, ldc);
  for (; column < n; column++) columns<1>(m, k, alpha, a, lda, b + column * ldb, ldb, beta, c + column, ldc);
}

void few_rows_f32(int m, int n, long k, float alpha, const float* a, long lda, const float* b, long ldb, float beta,
                  float* c, long ldc) {
  product(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

// ---- formats ----

TETHER_INLINE Floats to_floats(Words words) { return __builtin_convertvector(as<Integers>(words), Floats); }

// The exponent is moved by a product, which gets subnormals right too; infinity and NaN have one of their own.
TETHER_INLINE Floats from_float16(const uint16_t* from) {
#if defined(__AVX512F__)
  return as<Floats>(_mm512_cvtph_ps(load_as<__m256i>(from)));
#elif defined(__AVX2__)
  return as<Floats>(_mm256_cvtph_ps(load_as<__m128i>(from)));
#else
  Words bits = widen(from);
  Floats moved = as<Floats>((bits & 0x7fffU) << 13U) * 0x1p112F;
  Words special = as<Words>((bits & 0x7c00U) == 0x7c00U) & 0x7f800000U;
  return as<Floats>(as<Words>(moved) | special | (bits & 0x8000U) << 16U);
#endif
}

// E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
TETHER_INLINE Floats from_float4(Words bits) {
  Words magnitude = bits & 7U;
  Words small = (magnitude & 1U) * 0x3f000000U;
  Words word = magnitude < 2U ? small : (magnitude << 22U) + (126U << 23U);
  return as<Floats>(word | (bits & 8U) << 28U);
}

// E4M3, which has no infinity.
TETHER_INLINE Floats from_float8(Words bits) {
  Words magnitude = bits & 127U;
  Words small = as<Words>(to_floats(magnitude) * 0x1p-9F);
  Words word = magnitude < 8U ? small : (magnitude << 20U) + (120U << 23U);
  word = magnitude == 127U ? Words{} + 0x7fc00000U : word;
  return as<Floats>(word | (bits & 128U) << 24U);
}

float scale_from_float8(uint8_t bits) { return from_float8(Words{} + bits)[0]; }

// E8M0: a power of two; the smallest is a subnormal float.
float scale_from_exponent(uint8_t bits) {
  uint32_t word = bits == 255 ? 0x7fc00000U : static_cast<uint32_t>(bits) << 23U;
  return as<float>(bits == 0 ? 0x00400000U : word);
}

// Each lane has the bytes that its number and the seven beside it are in.
template <unsigned Bits>
TETHER_INLINE Words broadcast_eights(const uint8_t* in) {
  uint32_t first = 0;
  std::memcpy(&first, in, Bits);
#ifdef __AVX512F__
  uint32_t second = 0;
  std::memcpy(&second, in + Bits, Bits);
  return as<Words>(
      _mm512_mask_set1_epi32(_mm512_set1_epi32(static_cast<int>(first)), 0xff00, static_cast<int>(second)));
#else
  return Words{} + first;
#endif
}

// `Bytes` bytes, put together in registers: through memory the parts would have to wait for each other.
template <unsigned Bytes>
TETHER_INLINE uint64_t eight_of(const uint8_t* in) {
  if constexpr (Bytes == 3) return load_as<uint16_t>(in) | static_cast<uint64_t>(in[2]) << 16U;
  if constexpr (Bytes == 5) return load_as<uint32_t>(in) | static_cast<uint64_t>(in[4]) << 32U;
  if constexpr (Bytes == 6) return load_as<uint32_t>(in) | static_cast<uint64_t>(load_as<uint16_t>(in + 4)) << 32U;
}

// Numbers of 3, 5 and 6 bits, which cross the borders of words.
template <unsigned Bits>
TETHER_INLINE Words unpack_odd(const uint8_t* in) {
  uint64_t first = eight_of<Bits>(in);
  constexpr uint64_t kMask = (uint64_t{1} << Bits) - 1;
#if defined(__AVX512F__)
  uint64_t second = eight_of<Bits>(in + Bits);
  constexpr long long kBits = Bits;
  const __m512i shift = _mm512_set_epi64(7 * kBits, 6 * kBits, 5 * kBits, 4 * kBits, 3 * kBits, 2 * kBits, kBits, 0);
  auto eight = [&](uint64_t bits) {
    auto wide = _mm512_srlv_epi64(_mm512_set1_epi64(static_cast<long long>(bits)), shift);
    return _mm512_cvtepi64_epi32(_mm512_and_si512(wide, _mm512_set1_epi64(kMask)));
  };
  return as<Words>(_mm512_inserti64x4(_mm512_castsi256_si512(eight(first)), eight(second), 1));
#else
  Words numbers;
  for (unsigned i = 0; i < kLanes; i++) numbers[i] = static_cast<uint32_t>(first >> (Bits * i) & kMask);
  return numbers;
#endif
}

// Eight numbers are `Bits` bytes, the first in the lowest bits. So many numbers as there are lanes.
template <unsigned Bits>
TETHER_INLINE Words unpack(const uint8_t* in) {
  Words numbers;
  if constexpr (Bits == 8) {
    numbers = widen(in);
  } else if constexpr (kLanes == 4) {
    // Half of eight: the other half was before or comes next.
    uint64_t word = 0;
    std::memcpy(&word, in, Bits);
    for (unsigned i = 0; i < kLanes; i++) numbers[i] = static_cast<uint32_t>(word >> (Bits * i)) & ((1U << Bits) - 1);
  } else if constexpr (Bits == 2 || Bits == 4) {
    Words shift;
    for (unsigned i = 0; i < kLanes; i++) shift[i] = Bits * (i % 8);
    numbers = broadcast_eights<Bits>(in) >> shift & ((1U << Bits) - 1);
  } else {
    numbers = unpack_odd<Bits>(in);
  }
  return numbers;
}

// out[i] = decode(number, scale and bias of its group), where a scale is made of its place among the scales.
template <unsigned Bits, class Scale, class Decode>
TETHER_INLINE void expand_groups(const PackedMatrix& w, long row, long begin, long count, float* out, Scale scale_of,
                                 Decode decode) {
  const auto* in = static_cast<const uint8_t*>(w.weight) + row * w.row_bytes() + begin * Bits / 8;
  long group = (row * w.width + begin) / w.group;
  for (long at = 0; at < count; at += w.group, group++) {
    auto scale = scale_of(group);
    for (long i = 0; i < w.group; i += kLanes, out += kLanes) {
      // Four lanes of a group of eight begin in the middle of a byte where numbers have 3 or 5 bits.
      if constexpr (kLanes == 4 && Bits != 8) {
        uint64_t word = 0;
        std::memcpy(&word, in + i / 8 * Bits, Bits);
        word >>= Bits * static_cast<unsigned>(i % 8);
        store(out, decode(unpack<Bits>(reinterpret_cast<const uint8_t*>(&word)), scale));
      } else {
        store(out, decode(unpack<Bits>(in + i * Bits / 8), scale));
      }
    }
    in += w.group * Bits / 8;
  }
}

struct Affine {
  float scale;
  float bias;
};

template <unsigned Bits>
void expand_affine(const PackedMatrix& w, long row, long begin, long count, float* out) {
  expand_groups<Bits>(
      w, row, begin, count, out,
      [&w](long group) { return Affine{static_cast<const float*>(w.scales)[group], w.biases[group]}; },
      [](Words numbers, Affine of) { return to_floats(numbers) * of.scale + of.bias; });
}

void expand_halves(const PackedMatrix& w, long row, long begin, long count, float* out) {
  const auto* in = static_cast<const uint16_t*>(w.weight) + row * w.width + begin;
  bool brain = w.format == PackedMatrix::Format::bf16;
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, brain ? load(in + i) : from_float16(in + i));
  if (i == count) return;
  uint16_t last[kLanes] = {};
  std::memcpy(last, in + i, static_cast<size_t>(count - i) * sizeof(uint16_t));
  store_some(out + i, brain ? load(last) : from_float16(last), count - i);
}

void expand(const PackedMatrix& w, long row, long begin, long count, float* out) {
  using Format = PackedMatrix::Format;
  auto scale_of = [&w](float (*decode)(uint8_t)) {
    return [&w, decode](long group) { return decode(static_cast<const uint8_t*>(w.scales)[group]); };
  };
  auto float4 = [](Words numbers, float scale) { return from_float4(numbers) * scale; };
  auto float8 = [](Words numbers, float scale) { return from_float8(numbers) * scale; };
  switch (w.format) {
    case Format::f32:
      std::memcpy(out, static_cast<const float*>(w.weight) + row * w.width + begin,
                  static_cast<size_t>(count) * sizeof(float));
      return;
    case Format::bf16:
    case Format::f16:
      return expand_halves(w, row, begin, count, out);
    case Format::mxfp4:
      return expand_groups<4>(w, row, begin, count, out, scale_of(scale_from_exponent), float4);
    case Format::mxfp8:
      return expand_groups<8>(w, row, begin, count, out, scale_of(scale_from_exponent), float8);
    case Format::nvfp4:
      return expand_groups<4>(w, row, begin, count, out, scale_of(scale_from_float8), float4);
    case Format::affine:
      switch (w.bits) {
        case 2:
          return expand_affine<2>(w, row, begin, count, out);
        case 3:
          return expand_affine<3>(w, row, begin, count, out);
        case 4:
          return expand_affine<4>(w, row, begin, count, out);
        case 5:
          return expand_affine<5>(w, row, begin, count, out);
        case 6:
          return expand_affine<6>(w, row, begin, count, out);
        default:
          return expand_affine<8>(w, row, begin, count, out);
      }
  }
}

// Numbers of a row that are expanded at a time, which the first-level cache holds for a few rows: a multiple of all
// groups.
constexpr long kPiece = 1024;

template <int Columns>
TETHER_INLINE void expanded_columns(int m, const float* x, long ldx, const PackedMatrix& w, long column, float* y,
                                    long ldy) {
  alignas(64) float weights[Columns * kPiece];
  for (long begin = 0; begin < w.width; begin += kPiece) {
    long count = w.width - begin < kPiece ? w.width - begin : kPiece;
    for (int i = 0; i < Columns; i++) expand(w, column + i, begin, count, weights + i * kPiece);
    columns<Columns>(m, count, 1, x + begin, ldx, weights, kPiece, begin ? 1 : 0, y + column, ldy);
  }
}

// One row times rows of an affine matrix, unpacked in registers alone: sum(x (s q + b)) = s sum(x q) + b sum(x) within
// a group.
template <unsigned Bits>
class OneRow {
 public:
  // Numbers that are prepared at a time.
  static constexpr long kMost = 4096;

  // x: `count` numbers, which are multiplied by those of rows from `begin` on.
  OneRow(const PackedMatrix& w, const float* x, long begin, long count) : w_(w), begin_(begin), count_(count) {
    for (long group = 0; group * w.group < count; group++) {
      Floats sum = {};
      for (long i = 0; i < w.group; i += kLanes) sum += load(x + group * w.group + i);
      sums_[group] = sum_of(sum);
    }
    if constexpr (kTurned)
      for (long i = 0; i < count; i += kLanes) store(x_ + i, turned(x + i));
    else
      std::memcpy(x_, x, static_cast<size_t>(count) * sizeof(float));
  }

  // The sums of kRows rows from `row` on are added to y.
  template <int Rows>
  TETHER_INLINE void add_to(long row, float* y) const {
    const uint8_t* in[Rows];
    const float* scales[Rows];
    const float* biases[Rows];
    Floats totals[Rows] = {};
    float shifts[Rows] = {};
    for (int i = 0; i < Rows; i++) {
      long at = (row + i) * w_.width + begin_;
      in[i] = static_cast<const uint8_t*>(w_.weight) + at * Bits / 8;
      scales[i] = static_cast<const float*>(w_.scales) + at / w_.group;
      biases[i] = w_.biases + at / w_.group;
    }
    const float* x = x_;
    for (long group = 0; group * w_.group < count_; group++) {
      Floats sums[Rows] = {};
      for (long i = 0; i < w_.group; i += kLanes, x += kLanes) {
        Floats lanes = load(x);
        for (int j = 0; j < Rows; j++) {
          sums[j] += lanes * numbers(in[j]);
          in[j] += kLanes * Bits / 8;
        }
      }
      for (int j = 0; j < Rows; j++) {
        float scale = kTurned ? 16 * scales[j][group] : scales[j][group];
        totals[j] += sums[j] * scale;
        shifts[j] += (kTurned ? biases[j][group] - scale : biases[j][group]) * sums_[group];
      }
    }
    for (int j = 0; j < Rows; j++) y[j] += sum_of(totals[j]) + shifts[j];
  }

 private:
  // With 512 bits, sixteen numbers of four bits are one broadcast, a rotation and a merge: their bits become the upper
  // ones of a mantissa, which makes 1 + q / 16. The lanes have the numbers 0, 8, 1, 9, ….
#ifdef __AVX512F__
  static constexpr bool kTurned = Bits == 4;
#else
  static constexpr bool kTurned = false;
#endif

  TETHER_INLINE static Floats turned(const float* x) {
    Floats lanes;
    for (long i = 0; i < kLanes; i++) lanes[i] = x[i / 2 + i % 2 * (kLanes / 2)];
    return lanes;
  }

  TETHER_INLINE static Floats numbers(const uint8_t* in) {
#ifdef __AVX512F__
    if constexpr (kTurned) {
      const __m512i rotation = _mm512_set_epi32(23, 23, 27, 27, 31, 31, 3, 3, 7, 7, 11, 11, 15, 15, 19, 19);
      auto both = _mm512_set1_epi64(load_as<long long>(in));
      constexpr int kAndThenOr = 0xf8;  // a | (b & c)
      return as<Floats>(_mm512_ternarylogic_epi32(_mm512_set1_epi32(0x3f800000), _mm512_rolv_epi32(both, rotation),
                                                  _mm512_set1_epi32(0x780000), kAndThenOr));
    }
#endif
    return to_floats(unpack<Bits>(in));
  }

  const PackedMatrix& w_;
  long begin_;
  long count_;
  alignas(64) float x_[kMost];
  float sums_[kMost / 32];
};

template <unsigned Bits>
void one_row(const float* x, const PackedMatrix& w, long begin, long end, float* y) {
  for (long column = begin; column < end; column++) y[column] = 0;
  for (long piece = 0; piece < w.width; piece += OneRow<Bits>::kMost) {
    long count = w.width - piece < OneRow<Bits>::kMost ? w.width - piece : OneRow<Bits>::kMost;
    OneRow<Bits> row(w, x + piece, piece, count);
    long column = begin;
    for (; column + 4 <= end; column += 4) row.template add_to<4>(column, y + column);
    for (; column < end; column++) row.template add_to<1>(column, y + column);
  }
}

void few_rows(int m, const float* x, long ldx, const PackedMatrix& w, long begin, long end, float* y, long ldy) {
  using Format = PackedMatrix::Format;
  if (w.format == Format::f32)
    return product(m, end - begin, w.width, 1, x, ldx, static_cast<const float*>(w.weight) + begin * w.width, w.width,
                   0, y + begin, ldy);
  if (w.format == Format::bf16)
    return product(m, end - begin, w.width, 1, x, ldx, static_cast<const uint16_t*>(w.weight) + begin * w.width,
                   w.width, 0, y + begin, ldy);
  // Four lanes are too few for numbers that share their bytes with eight.
  if (m == 1 && w.format == Format::affine && (w.bits == 8 || (w.bits == 4 && kLanes > 4)))
    return w.bits == 4 ? one_row<4>(x, w, begin, end, y) : one_row<8>(x, w, begin, end, y);
  long column = begin;
  for (; column + kColumns <= end; column += kColumns) expanded_columns<kColumns>(m, x, ldx, w, column, y, ldy);
  for (; column < end; column++) expanded_columns<1>(m, x, ldx, w, column, y, ldy);
}

// ---- elementwise ----

// exp by a polynomial on [-ln 2 / 2, ln 2 / 2] and a power of two that is put into the exponent; error below 2 units in
// the last place. Below -87 it is 0, above 88.7 infinity; NaN stays NaN.
TETHER_INLINE Floats exp_of(Floats x) {
  constexpr float kRound = 12582912.0F;  // adding it leaves the nearest integer in the low bits
  Floats clamped = x < -87.0F ? Floats{} - 87.0F : x;
  clamped = clamped > 89.0F ? Floats{} + 89.0F : clamped;
  Floats shifted = clamped * 1.44269504F + kRound;
  Floats n = shifted - kRound;
  Floats r = clamped - n * 0.693359375F;
  r = r + n * 2.12194440e-4F;
  Floats p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  // In two steps, since 2^n alone may be too large for a float.
  Integers power = as<Integers>(as<Words>(shifted) - 0x4b400000U);
  Integers half = power >> 1;
  Floats low = as<Floats>((half + 127) << 23);
  Floats high = as<Floats>((power - half + 127) << 23);
  return x < -87.0F ? Floats{} : p * low * high;
}

TETHER_INLINE Floats sigmoid(Floats x) { return 1.0F / (1.0F + exp_of(-x)); }

// out[i] = of(a[i]), lanes at a time.
template <class Of>
TETHER_INLINE void map(const float* a, float* out, long count, Of of) {
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, of(load(a + i)));
  if (i < count) store_some(out + i, of(load_some(a + i, count - i)), count - i);
}

template <class Of>
TETHER_INLINE void map(const float* a, const float* b, float* out, long count, Of of) {
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, of(load(a + i), load(b + i)));
  if (i < count) store_some(out + i, of(load_some(a + i, count - i), load_some(b + i, count - i)), count - i);
}

void gated(Gate gate, const float* a, const float* b, float* out, long count) {
  if (gate == Gate::silu) return map(a, b, out, count, [](Floats x, Floats y) { return x * sigmoid(x) * y; });
  // 0.5 (1 + tanh(z)) is sigmoid(2 z).
  constexpr float kScale = 1.5957691216F;  // 2 sqrt(2 / pi)
  map(a, b, out, count, [](Floats x, Floats y) { return x * sigmoid(x * (kScale + kScale * 0.044715F * x * x)) * y; });
}

void rms_norm(const float* x, const float* weight, float* out, long count, float eps) {
  Floats squares[2] = {};
  long i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes)
    for (int part = 0; part < 2; part++) {
      Floats lanes = load(x + i + part * kLanes);
      squares[part] += lanes * lanes;
    }
  float sum = sum_of(squares[0] + squares[1]);
  for (; i < count; i++) sum += x[i] * x[i];
  float factor = 1.0F / std::sqrt(sum / static_cast<float>(count) + eps);
  if (weight)
    map(x, weight, out, count, [factor](Floats a, Floats b) { return a * factor * b; });
  else
    map(x, out, count, [factor](Floats a) { return a * factor; });
}

void rotate(const float* x, const Rotation& r, int head_dim, float* out) {
  long half = r.dims / 2;
  if (r.traditional) {
    for (long i = 0; i < half; i++) {
      float first = x[2 * i];
      float second = x[2 * i + 1];
      out[2 * i] = first * r.cos[i] - second * r.sin[i];
      out[2 * i + 1] = first * r.sin[i] + second * r.cos[i];
    }
  } else {
    for (long i = 0; i < half; i++) {
      float first = x[i];
      float second = x[half + i];
      out[i] = first * r.cos[i] - second * r.sin[i];
      out[half + i] = first * r.sin[i] + second * r.cos[i];
    }
  }
  for (int i = r.dims; i < head_dim; i++) out[i] = x[i];
}

void softcap(float* x, long count, float cap) {
  // tanh(z) is 1 - 2 / (1 + exp(2 z)).
  map(x, x, count, [cap](Floats a) { return cap - 2.0F * cap / (1.0F + exp_of(a * (2.0F / cap))); });
}

float largest(const float* x, long count) {
  if (count < kLanes) {
    float most = x[0];
    for (long i = 1; i < count; i++) most = x[i] > most ? x[i] : most;
    return most;
  }
  Floats most = load(x);
  for (long i = kLanes; i + kLanes <= count; i += kLanes) {
    Floats lanes = load(x + i);
    most = lanes > most ? lanes : most;
  }
  Floats last = load(x + count - kLanes);
  most = last > most ? last : most;
  float parts[kLanes];
  store(parts, most);
  float one = parts[0];
  for (float part : parts) one = part > one ? part : one;
  return one;
}

float exp_sum(float* x, long count, float shift) {
  Floats sums = {};
  long i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Floats lanes = exp_of(load(x + i) - shift);
    store(x + i, lanes);
    sums += lanes;
  }
  float sum = sum_of(sums);
  if (i < count) {
    store_some(x + i, exp_of(load_some(x + i, count - i) - shift), count - i);
    for (; i < count; i++) sum += x[i];
  }
  return sum;
}

void scale(float* x, long count, float factor) {
  map(x, x, count, [factor](Floats a) { return a * factor; });
}

template <int Rows, int Columns>
TETHER_INLINE void mix_block(long slots, const float* shares, long lds, const float* values, long ldv, float* out,
                             long ldo) {
  Floats sums[Rows][Columns];
  for (int row = 0; row < Rows; row++)
    for (int column = 0; column < Columns; column++) sums[row][column] = load(out + row * ldo + column * kLanes);
  for (long slot = 0; slot < slots; slot++) {
    Floats parts[Columns];
    for (int column = 0; column < Columns; column++) parts[column] = load(values + slot * ldv + column * kLanes);
    for (int row = 0; row < Rows; row++)
      for (int column = 0; column < Columns; column++) sums[row][column] += shares[row * lds + slot] * parts[column];
  }
  for (int row = 0; row < Rows; row++)
    for (int column = 0; column < Columns; column++) store(out + row * ldo + column * kLanes, sums[row][column]);
}

template <int Rows>
TETHER_INLINE void mix_rows(long slots, int dim, const float* shares, long lds, const float* values, long ldv,
                            float* out, long ldo) {
  long i = 0;
  for (; i + 4 * kLanes <= dim; i += 4 * kLanes) mix_block<Rows, 4>(slots, shares, lds, values + i, ldv, out + i, ldo);
  for (; i + kLanes <= dim; i += kLanes) mix_block<Rows, 1>(slots, shares, lds, values + i, ldv, out + i, ldo);
  for (; i < dim; i++)
    for (int row = 0; row < Rows; row++) {
      float sum = out[row * ldo + i];
      for (long slot = 0; slot < slots; slot++) sum += shares[row * lds + slot] * values[slot * ldv + i];
      out[row * ldo + i] = sum;
    }
}

void mix(int rows, long slots, int dim, const float* shares, long lds, const float* values, long ldv, float* out,
         long ldo) {
  constexpr int kRows = kLanes == 16 ? 4 : 2;
  int row = 0;
  for (; row + kRows <= rows; row += kRows)
    mix_rows<kRows>(slots, dim, shares + row * lds, lds, values, ldv, out + row * ldo, ldo);
  for (; row < rows; row++) mix_rows<1>(slots, dim, shares + row * lds, lds, values, ldv, out + row * ldo, ldo);
}

// NOLINTEND(modernize-avoid-c-arrays)

}  // namespace

#define TETHER_TEXT_OF(name) #name
#define TETHER_TEXT(name) TETHER_TEXT_OF(name)
#define TETHER_KERNELS_OF(name) kernels_for_##name
#define TETHER_KERNELS(name) TETHER_KERNELS_OF(name)

extern const Kernels TETHER_KERNELS(TETHER_CPU);
const Kernels TETHER_KERNELS(TETHER_CPU){.name = TETHER_TEXT(TETHER_CPU),
                                         .few_rows = few_rows,
                                         .few_rows_f32 = few_rows_f32,
                                         .expand = expand,
                                         .gated = gated,
                                         .rms_norm = rms_norm,
                                         .rotate = rotate,
                                         .softcap = softcap,
                                         .largest = largest,
                                         .exp_sum = exp_sum,
                                         .scale = scale,
                                         .mix = mix};

}  // namespace tether
