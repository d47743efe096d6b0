// An order of quantized matrices in which one instruction multiplies for sixteen of their rows.
#include "cpu/ops/interleave.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu/ops/multiply.h"
#include "cpu/ops/operation.h"
#include "cpu/pool.h"

namespace tether::cpu {
namespace {

// Bytes of rounded activations that are multiplied at a time, which fit into the L2 cache.
constexpr long kRoundedBytes = 1048576;
// Rows of x for which waking other threads to round them pays.
constexpr long kManyRows = 4L * RoundedRows::kTogether;

// Moves the lower four of eight numbers to the lower halves of the bytes, the others to the upper ones.
uint32_t halves_apart(uint32_t word) {
  auto spread = [](uint32_t four) {
    four = (four | four << 8U) & 0x00ff00ffU;
    return (four | four << 4U) & 0x0f0f0f0fU;
  };
  return spread(word & 0xffffU) | spread(word >> 16U) << 4U;
}

// Sixteen rows at a time, in the memory that they are in. change: of each 32-bit word.
template <class Change>
void put_side_by_side(mx::array& array, Change change) {
  long words = array.shape(-1);
  long blocks = static_cast<long>(array.size()) / words / kInterleaved;
  auto* all = array.data<uint32_t>();
  in_parts(blocks, words * kInterleaved, [&](long begin, long end) {
    std::vector<uint32_t> rows(static_cast<size_t>(words * kInterleaved));
    for (long block = begin; block < end; block++) {
      auto* to = all + block * kInterleaved * words;
      std::copy_n(to, words * kInterleaved, rows.begin());
      for (long word = 0; word < words; word++)
        for (long row = 0; row < kInterleaved; row++) *to++ = change(rows[static_cast<size_t>(row * words + word)]);
    }
  });
}

}  // namespace

bool interleaves(const Matrix& matrix, Activations activations) {
  const auto& [mode, bits, group_size] = matrix.quantization;
  return kernels().interleaved && activations != Activations::float32 && mode == QuantMode::affine &&
         (bits == 4 || bits == 8) && matrix.rows() % kInterleaved == 0;
}

void interleave(Matrix& matrix) {
  auto same = [](uint32_t word) { return word; };
  if (matrix.quantization.bits == 4)
    put_side_by_side(matrix.numbers, halves_apart);
  else
    put_side_by_side(matrix.numbers, same);
  put_side_by_side(*matrix.scales, same);
  put_side_by_side(*matrix.biases, same);
  matrix.interleaved = true;
}

void interleaved_product(Activations of, long m, const float* x, long ldx, const MatrixView& w, long n, float* y) {
  constexpr long kTogether = RoundedRows::kTogether;
  long most = std::max(kManyRows, kRoundedBytes / (2 * w.width) / kTogether * kTogether);
  long each = std::min(most, ceil_div(ceil_div(m, 2L * pool_threads()), kTogether) * kTogether);
  // Enough for all threads: each rounds its own rows, which no other one has to read.
  if (each >= kManyRows)
    return parallel_for(static_cast<int>(ceil_div(m, each)), [&](int part) {
      long first = part * each;
      auto count = static_cast<int>(std::min(each, m - first));
      auto rows = room_for_rounded(count, w);
      kernels().split(of, count, x + first * ldx, ldx, w, rows);
      kernels().interleaved(of, count, rows, w, 0, n, y + first * n, n);
    });
  auto rows = room_for_rounded(std::min(m, most), w);
  // Tiles are as those of few rows: no part of the matrix is expanded first.
  long columns = tile_columns(kFewRows, n, w.row_bytes);
  for (long first = 0; first < m; first += most) {
    long count = std::min(most, m - first);
    auto split = [&](int part) {
      long row = part * kTogether;
      auto some = static_cast<int>(std::min(kTogether, count - row));
      RoundedRows to{.numbers = static_cast<char*>(rows.numbers) + row * w.width * kernels().split_bytes(of),
                     .factors = rows.factors + row * rows.stride,
                     .sums = rows.sums + row * rows.stride,
                     .stride = rows.stride};
      kernels().split(of, some, x + (first + row) * ldx, ldx, w, to);
    };
    auto parts = static_cast<int>(ceil_div(count, kTogether));
    if (count >= kManyRows)
      parallel_for(parts, split);
    else
      for (int part = 0; part < parts; part++) split(part);
    parallel_for(static_cast<int>(ceil_div(n, columns)), [&](int tile) {
      long begin = tile * columns;
      kernels().interleaved(of, static_cast<int>(count), rows, w, begin, std::min(n, begin + columns), y + first * n,
                            n);
    });
  }
}

}  // namespace tether::cpu
