// Tests the operations of cpu/ops/ against MLX's own.
#include "cpu/ops/attention.h"
#include "cpu/ops/draws.h"
#include "cpu/ops/elementwise.h"
#include "cpu/ops/products.h"
#include "cpu/ops/stages.h"

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "cpu/pool.h"
#include "model/hadamard.h"
#include "test/check.h"
#include "test/matrices.h"

using namespace tether;
namespace mx = mlx::core;

namespace {

void check(const mx::array& got, const mx::array& want, const std::string& what, float tolerance = 1e-4F) {
  bool same = got.shape() == want.shape();
  float distance = same ? mx::max(mx::abs(mx::subtract(got, want))).item<float>() : 0;
  if (same && distance < tolerance) return;
  fail(what + " (" + std::to_string(distance) + ")");
}

Matrix plain(const mx::array& weight) { return {.numbers = weight}; }

// Few and many rows, narrow and wide matrices, and rows with gaps between them.
void products() {
  for (auto dtype : {mx::float32, mx::bfloat16, mx::float16})
    for (int rows : {1, 2, 12, 13, 70})
      for (int out : {1, 40, 300})
        for (int in : {64, 200}) {
          auto weight = mx::astype(mx::random::normal({out, in}), dtype);
          mx::eval(weight);
          auto x = mx::random::normal({rows, 2 * in});
          auto half = mx::slice(x, {0, in}, {rows, 2 * in});
          auto transposed = mx::transpose(mx::random::normal({in, rows}));
          auto wanted = mx::transpose(mx::astype(weight, mx::float32));
          auto name = std::to_string(rows) + " by " + std::to_string(out) + " by " + std::to_string(in);
          check(cpu::product(half, plain(weight), Activations::float32), mx::matmul(half, wanted),
                "product of " + name);
          check(cpu::product(transposed, plain(weight), Activations::float32), mx::matmul(transposed, wanted),
                "product of a transposed input, " + name);
        }
}

// Rounded activations cost little, but something: where there are more rows nothing is rounded.
void rounded_products() {
  for (int bits : {4, 8, 6})
    for (int rows : {1, 5, 16, 17})
      for (int out : {1, 40, 3000}) {
        auto matrix = quantized(mx::random::normal({out, 256}), 64, bits);
        auto x = mx::random::normal({rows, 256});
        auto exact = mx::matmul(x, mx::transpose(matrix.dequantized()));
        auto name = std::to_string(rows) + " rows by " + std::to_string(out) + " in " + std::to_string(bits) + " bits";
        auto apart = [&](Activations of) {
          return mx::max(mx::abs(mx::subtract(cpu::product(x, matrix, of), exact))).item<float>();
        };
        float exactly = apart(Activations::float32);
        tether::check(exactly < 2e-4F, name);
        tether::check(apart(Activations::int16) < 5e-3F, name + ", activations in 16 bits");
        float rough = apart(Activations::int8);
        bool rounds = bits != 6 && rows <= 16;
        tether::check(rough < 1 && (rough > 10 * exactly) == rounds, name + ", activations in 8 bits");
      }
}

void experts() {
  auto weight = mx::random::normal({5, 48, 64});
  mx::eval(weight);
  for (int tokens : {1, 3, 90}) {
    auto chosen = mx::astype(mx::random::randint(0, 5, {tokens, 2}), mx::uint32);
    auto one = mx::random::normal({tokens, 1, 1, 64});
    auto each = mx::random::normal({tokens, 2, 1, 64});
    auto wanted = [&](const mx::array& x) {
      return mx::gather_mm(x, mx::swapaxes(weight, 1, 2), std::nullopt, chosen);
    };
    auto name = std::to_string(tokens) + " tokens";
    check(cpu::expert_product(one, chosen, plain(weight), Activations::float32), wanted(one),
          "experts of a token with one row, " + name);
    auto matrix = quantized(weight, 32, 8);
    auto dequantized = mx::gather_mm(each, mx::swapaxes(matrix.dequantized(), 1, 2), std::nullopt, chosen);
    for (auto of : {Activations::float32, Activations::int16, Activations::int8})
      check(cpu::expert_product(each, chosen, matrix, of), dequantized, "quantized experts, " + name,
            of == Activations::int8 ? 0.5F : 2e-3F);
    check(cpu::expert_product(each, chosen, plain(weight), Activations::float32), wanted(each),
          "experts with a row each, " + name);
  }
}

void norms_and_gates() {
  auto x = mx::random::normal({9, 3, 40});
  auto transposed = mx::transpose(x, {1, 0, 2});
  auto weight = mx::random::normal({40});
  check(cpu::rms_norm(x, weight, 1e-5F), mx::fast::rms_norm(x, weight, 1e-5F), "norm");
  check(cpu::rms_norm(transposed, std::nullopt, 1e-5F), mx::fast::rms_norm(transposed, std::nullopt, 1e-5F),
        "norm of a transposed input");
  auto y = mx::random::normal({9, 3, 40});
  check(cpu::gated(Gate::silu, x, y), mx::multiply(mx::multiply(x, mx::sigmoid(x)), y), "gate");
  // The output may take the memory of the first input, but only if no other array needs it.
  auto kept = mx::multiply(x, mx::array(2.0F));
  auto gated = cpu::gated(Gate::silu, kept, y);
  check(mx::add(gated, kept), mx::add(mx::multiply(mx::multiply(kept, mx::sigmoid(kept)), y), kept),
        "a gate leaves its input as it is while another operation reads it");
}

void rotations() {
  constexpr int kHeads = 3;
  constexpr int kDim = 16;
  auto x = mx::random::normal({7, kHeads * kDim});
  for (bool traditional : {false, true}) {
    std::vector<float> angles;
    auto angle = [](int token, int pair) {
      return static_cast<float>(5 + token) * std::exp(-static_cast<float>(pair) * 2 * std::log(10000.0F) / kDim);
    };
    for (int token = 0; token < 4; token++)
      for (int pair = 0; pair < kDim / 2; pair++) angles.push_back(std::cos(angle(token, pair)));
    for (int token = 0; token < 4; token++)
      for (int pair = 0; pair < kDim / 2; pair++) angles.push_back(std::sin(angle(token, pair)));
    auto part = mx::slice(x, {2, 0}, {6, kHeads * kDim});
    auto heads = mx::transpose(mx::reshape(part, {1, 4, kHeads, kDim}), {0, 2, 1, 3});
    check(cpu::rotate(x, 2, 4, kHeads, mx::array(angles.data(), {2, 4, kDim / 2}, mx::float32), traditional),
          mx::fast::rope(heads, kDim, traditional, 10000.0F, 1.0F, 5), "rotation");
  }
}

// As kernels transform, so does MLX; what is stored and what reads it undo each other, and keep dot products.
void transforms() {
  auto own = device_policy();
  auto gpu = gpu_policy("cuda");
  for (int dim : {32, 64, 96, 128, 256}) {
    auto a = mx::random::normal({1, 3, 5, dim});
    auto b = mx::random::normal({1, 3, 5, dim});
    auto turned = mx::transpose(mx::reshape(a, {1, 5, 3, dim}), {0, 2, 1, 3});
    auto name = "Hadamard transform of " + std::to_string(dim);
    for (const auto& device : {own, gpu}) {
      auto stored = hadamard(a, dim, HadamardSide::stored, device);
      tether::check(mx::max(mx::abs(mx::subtract(stored, a))).item<float>() > 1, name + " changes its input");
      check(hadamard(stored, dim, HadamardSide::reading, device), a, name + ", there and back");
      auto reading = hadamard(b, dim, HadamardSide::reading, device);
      check(mx::sum(mx::multiply(stored, reading), -1), mx::sum(mx::multiply(a, b), -1), name + ", dot products");
    }
    check(hadamard(turned, dim, HadamardSide::stored, own), hadamard(turned, dim, HadamardSide::stored, gpu),
          name + " on both devices");
  }
}

void same(const mx::array& got, const mx::array& want, const std::string& what) {
  tether::check(got.shape() == want.shape() && mx::array_equal(got, want).item<bool>(), what);
}

// Several layers in one operation give exactly what their operations give one by one.
void stages() {
  auto weight = mx::random::normal({256});
  mx::eval(weight);
  cpu::Norm norm{.weight = weight, .eps = 1e-5F};
  auto normed = [](const cpu::Norm& by, const mx::array& x) { return cpu::rms_norm(x, by.weight, by.eps); };
  for (int bits : {0, 4, 6, 8})
    for (auto to : {Activations::float32, Activations::int16})
      for (int rows : {1, 5, 16}) {
        auto matrix = [&](int out, int in) {
          auto numbers = mx::random::normal({out, in});
          mx::eval(numbers);
          return bits ? quantized(numbers, 64, bits) : plain(numbers);
        };
        auto name = std::to_string(rows) + " rows in " + std::to_string(bits) + " bits";
        auto product = [&](const mx::array& x, const Matrix& w) { return cpu::product(x, w, to); };
        auto x = mx::slice(mx::random::normal({rows, 300}), {0, 10}, {rows, 266});
        auto a = matrix(3008, 256);
        auto b = matrix(40, 256);
        auto y = normed(norm, x);
        same(cpu::in_stages(x, {{.before = norm, .matrices = {&a, &b, &b}}}, std::nullopt, to),
             mx::concatenate({product(y, a), product(y, b), product(y, b)}, 1), name + ", side by side");
        auto up = matrix(3008, 256);
        auto down = matrix(256, 3008);
        auto inner = cpu::gated(Gate::gelu_tanh, product(y, a), product(y, up));
        std::vector<cpu::Stage> mlp{{.before = norm, .matrices = {&a, &up}, .gate = Gate::gelu_tanh},
                                    {.matrices = {&down}, .after = cpu::Norm{.weight = std::nullopt, .eps = 1e-3F}}};
        auto result = cpu::rms_norm(product(inner, down), std::nullopt, 1e-3F);
        same(cpu::in_stages(x, mlp, std::nullopt, to), result, name + ", a gate and two stages");
        same(cpu::in_stages(x, mlp, x, to), mx::add(x, result), name + ", with a sum");
      }
}

// Columns [begin, end) of the heads of x: (N, …) -> (1, heads, N, dim)
mx::array heads_of(const mx::array& x, int begin, int end, int dim) {
  auto columns = mx::slice(x, {0, begin}, {x.shape(0), end});
  return mx::transpose(mx::reshape(columns, {1, x.shape(0), (end - begin) / dim, dim}), {0, 2, 1, 3});
}

// The same for what comes between the products of attention: buffers that are new, have room, or grow and let go of
// their first slots.
void appending() {
  constexpr int kHeads = 4;
  constexpr int kKeys = 2;
  constexpr int kDim = 32;
  auto weight = mx::random::normal({kDim});
  mx::eval(weight);
  struct Case {
    int stored;
    cpu::SlotRoom room;
  };
  for (int count : {1, 3, 7})
    for (int window : {0, 9})
      for (bool values_are_keys : {false, true})
        for (bool norms : {false, true})
          for (const auto& [stored, room] :
               {Case{0, {nullptr, nullptr, 0, 0, 40}}, Case{40, {nullptr, nullptr, 0, 12, 40}},
                Case{20, {nullptr, nullptr, 6, 14, 64}}}) {
            int columns = (kHeads + (values_are_keys ? 1 : 2) * kKeys) * kDim;
            auto all = mx::random::normal({count + 2, columns});
            auto x = mx::slice(all, {1, 0}, {1 + count, columns});
            auto angles = mx::random::normal({2, count, kDim / 2});
            auto keys = mx::random::normal({1, kKeys, std::max(stored, 1), kDim});
            auto values = mx::random::normal({1, kKeys, std::max(stored, 1), kDim});
            mx::eval(all, angles, keys, values);
            auto norm = [&](const mx::array& heads, bool weighted) {
              if (!norms) return heads;
              return cpu::rms_norm(heads, weighted ? std::optional(weight) : std::nullopt, 1e-5F);
            };
            auto rotated = [&](const mx::array& heads) {
              auto rows = mx::reshape(mx::transpose(heads, {0, 2, 1, 3}), {count, heads.shape(1) * kDim});
              return cpu::rotate(rows, 0, count, heads.shape(1), angles, false);
            };
            constexpr int kFirst = kHeads * kDim;
            constexpr int kSecond = kFirst + kKeys * kDim;
            auto q = rotated(norm(heads_of(x, 0, kFirst, kDim), true));
            auto k = rotated(norm(heads_of(x, kFirst, kSecond, kDim), true));
            auto v = norm(heads_of(x, values_are_keys ? kFirst : kSecond, columns, kDim), false);
            auto joined = [&, from = room.from, kept = room.kept](const mx::array& old, const mx::array& added) {
              return mx::concatenate({mx::slice(old, {0, 0, from, 0}, {1, kKeys, from + kept, kDim}), added}, 2);
            };
            auto wanted_keys = joined(keys, k);
            auto wanted_values = joined(values, v);
            int slots = room.kept + count;
            int seen = window ? std::min(slots, window - 1 + count) : slots;
            auto visible = [&](const mx::array& slot) {
              return mx::slice(slot, {0, 0, slots - seen, 0}, {1, kKeys, slots, kDim});
            };
            cpu::AttentionForm form{.scale = 0.3F, .window = window, .softcap = 0};
            auto wanted = cpu::attend(q, plain(visible(wanted_keys)), plain(visible(wanted_values)), form);
            mx::eval(wanted, wanted_keys, wanted_values);

            auto with = room;
            if (stored) {
              with.keys = &keys;
              with.values = &values;
            }
            cpu::HeadNorms of_heads;
            if (norms)
              of_heads = {.queries = cpu::Norm{weight, 1e-5F},
                          .keys = cpu::Norm{weight, 1e-5F},
                          .values = cpu::Norm{std::nullopt, 1e-5F}};
            cpu::HeadsForm heads{.queries = kHeads,
                                 .keys = kKeys,
                                 .dim = kDim,
                                 .values_are_keys = values_are_keys,
                                 .traditional = false};
            auto got = cpu::append_and_attend(all, 1, count, angles, heads, of_heads, with, form);
            auto name = std::to_string(count) + " tokens behind " + std::to_string(room.kept) + " of " +
                        std::to_string(stored) + ", window " + std::to_string(window);
            auto used = [&](const mx::array& buffer) {
              return mx::slice(buffer, {0, 0, 0, 0}, {1, kKeys, slots, kDim});
            };
            tether::check(got.keys.shape(2) == room.capacity, name + ": room");
            same(got.mixed, wanted, name + ": attention");
            same(used(got.keys), wanted_keys, name + ": keys");
            same(used(got.values), wanted_values, name + ": values");
          }
}

mx::array plain_attention(const mx::array& q, const mx::array& k, const mx::array& v, const cpu::AttentionForm& form) {
  int repeats = q.shape(1) / k.shape(1);
  int queries = q.shape(2);
  int slots = k.shape(2);
  auto scores = mx::multiply(mx::matmul(q, mx::swapaxes(mx::repeat(k, repeats, 1), 2, 3)), mx::array(form.scale));
  if (form.softcap > 0)
    scores = mx::multiply(mx::tanh(mx::divide(scores, mx::array(form.softcap))), mx::array(form.softcap));
  auto slot = mx::arange(slots);
  auto at = mx::expand_dims(mx::arange(slots - queries, slots), 1);
  auto visible = mx::less_equal(slot, at);
  if (form.window) visible = mx::logical_and(visible, mx::greater(slot, mx::subtract(at, mx::array(form.window))));
  scores = mx::where(visible, scores, mx::array(-std::numeric_limits<float>::infinity()));
  auto mixed = mx::matmul(mx::softmax(scores, -1), mx::repeat(v, repeats, 1));
  return mx::reshape(mx::transpose(mixed, {0, 2, 1, 3}), {queries, q.shape(1) * q.shape(3)});
}

// Few and many queries, contexts shorter and longer than a block, windows that end within a block and between two, and
// caches with spare slots.
void attention() {
  for (int queries : {1, 3, 4, 5, 64, 130})
    for (int before : {0, 1, 500, 1300})
      for (int window : {0, 40, 512})
        for (float softcap : {0.0F, 5.0F})
          for (auto [heads, kv_heads, dim] : {std::tuple{4, 2, 16}, {4, 1, 24}, {2, 2, 64}}) {
            int slots = queries + before;
            auto q = mx::random::normal({1, heads, queries, dim});
            auto room = [&, kv = kv_heads, d = dim] { return mx::random::normal({1, kv, slots + 9, d}); };
            auto used = [&, kv = kv_heads, d = dim](const mx::array& x) {
              return mx::slice(x, {0, 0, 2, 0}, {1, kv, 2 + slots, d});
            };
            auto keys = used(room());
            auto values = used(room());
            cpu::AttentionForm form{.scale = 0.3F, .window = window, .softcap = softcap};
            check(cpu::attend(q, plain(keys), plain(values), form), plain_attention(q, keys, values, form),
                  std::to_string(queries) + " queries after " + std::to_string(before) + ", window " +
                      std::to_string(window) + ", softcap " + std::to_string(softcap) + ", " + std::to_string(heads) +
                      " heads over " + std::to_string(kv_heads));
          }
}

// Attention over quantized keys and values equals attention over the dequantized ones. The buffer has spare slots.
void quantized_attention() {
  constexpr int kBefore = 700;
  for (int bits : {4, 8})
    for (int queries : {1, 3, 40})
      for (auto [heads, kv_heads, dim] : {std::tuple{4, 2, 64}, {2, 1, 32}}) {
        int slots = kBefore + queries;
        int group = dim % 64 ? 32 : 64;
        auto stored = [&, kv = kv_heads, d = dim] {
          auto parts = mx::quantize(mx::random::normal({1, kv, slots + 9, d}), group, bits);
          for (auto& part : parts) part = mx::slice(part, {0, 0, 2, 0}, {1, kv, 2 + slots, part.shape(3)});
          return Matrix{.numbers = parts[0],
                        .scales = parts[1],
                        .biases = parts[2],
                        .quantization = {.mode = QuantMode::affine, .bits = bits, .group_size = group}};
        };
        auto q = mx::random::normal({1, heads, queries, dim});
        auto keys = stored();
        auto values = stored();
        cpu::AttentionForm form{.scale = 0.3F, .window = 0, .softcap = 0};
        check(cpu::attend(q, keys, values, form), plain_attention(q, keys.dequantized(), values.dequantized(), form),
              std::to_string(queries) + " queries over " + std::to_string(bits) + " bits");
      }
}

// Attention over keys and values in 16 bits equals attention over the same numbers in float32. The buffer has spare
// slots.
void attention_over_halves() {
  for (auto dtype : {mx::float16, mx::bfloat16})
    for (int queries : {1, 3, 5, 70})
      for (int before : {0, 40, 1300})
        for (int window : {0, 40})
          for (auto [heads, kv_heads, dim] : {std::tuple{4, 2, 64}, {6, 1, 20}, {1, 1, 256}}) {
            int slots = queries + before;
            auto stored = [&, kv = kv_heads, d = dim] {
              auto room = mx::astype(mx::random::normal({1, kv, slots + 9, d}), dtype);
              return mx::slice(room, {0, 0, 2, 0}, {1, kv, 2 + slots, d});
            };
            auto q = mx::random::normal({1, heads, queries, dim});
            auto keys = stored();
            auto values = stored();
            cpu::AttentionForm form{.scale = 0.3F, .window = window, .softcap = 0};
            auto wide = [](const mx::array& x) { return mx::astype(x, mx::float32); };
            check(cpu::attend(q, plain(keys), plain(values), form), plain_attention(q, wide(keys), wide(values), form),
                  std::to_string(queries) + " queries after " + std::to_string(before) + ", window " +
                      std::to_string(window) + ", heads of " + std::to_string(dim) + " in 16 bits");
          }
}

// Heads as rows, and as views of the rows of tokens.
void halves() {
  auto x = mx::random::normal({1, 3, 50, 20});
  auto rows = mx::reshape(mx::random::normal({50, 60}), {1, 50, 3, 20});
  auto turned = mx::swapaxes(mx::random::normal({1, 3, 20, 50}), 2, 3);
  for (const auto& each : {x, mx::transpose(rows, {0, 2, 1, 3}), mx::slice(x, {0, 1, 7, 0}, {1, 3, 40, 20}), turned}) {
    auto got = cpu::halves(each);
    ::tether::check(got.dtype() == mx::float16 && mx::array_equal(got, mx::astype(each, mx::float16)).item<bool>(),
                    "numbers in float16");
  }
}

// Damaged weights must show as NaN.
void a_nan_stays() {
  auto q = mx::random::normal({1, 2, 6, 16});
  auto bad = mx::full({1, 2, 6, 16}, std::numeric_limits<float>::quiet_NaN(), mx::float32);
  auto good = mx::random::normal({1, 2, 6, 16});
  for (const auto& result :
       {cpu::attend(q, plain(bad), plain(good), {1, 0, 0}), cpu::attend(q, plain(good), plain(bad), {1, 0, 0}),
        cpu::rms_norm(bad, std::nullopt, 1e-5F), cpu::gated(Gate::gelu_tanh, bad, good)})
    if (!mx::all(mx::isnan(result)).item<bool>()) fail("NaN became a number");
}

// Vocabularies that no word and no part divides, masks of nearly all and of hardly any token.
void draws() {
  for (int vocab : {1, 33, 1024, 5000, 262145})
    for (uint32_t every : {1U, 2U, 7U, 5000U}) {
      auto logits = mx::multiply(mx::random::normal({2, vocab}), mx::array(5.0F));
      ::tether::check(mx::array_equal(cpu::largest_tokens(logits), mx::argmax(logits, -1)).item<bool>(),
                      "the largest of " + std::to_string(vocab) + " tokens");
      logits = mx::slice(logits, {1, 0}, {2, vocab});
      std::vector<uint32_t> allowed(static_cast<size_t>(vocab + 31) / 32);
      std::vector<float> added(static_cast<size_t>(vocab), -std::numeric_limits<float>::infinity());
      for (uint32_t i = 0; i < added.size(); i++) {
        if (i % every != 0) continue;
        allowed[i / 32] |= 1U << (i % 32U);
        added[i] = 0;
      }
      auto wanted = mx::add(logits, mx::array(added.data(), {1, vocab}));
      auto name = std::to_string(vocab) + " tokens, each " + std::to_string(every) + "th of them";
      ::tether::check(mx::array_equal(cpu::drawn_token(logits, {}, allowed), mx::argmax(wanted, -1)).item<bool>(),
                      "the largest that is allowed of " + name);
      auto kept = mx::sum(mx::softmax(logits, -1), -1);
      auto of_allowed = mx::sum(mx::where(mx::equal(wanted, logits), mx::softmax(logits, -1), mx::array(0.0F)), -1);
      check(cpu::forbidden_share(logits, allowed), mx::subtract(kept, of_allowed), "what a mask takes of " + name,
            1e-3F);
    }
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  mx::random::seed(3);
  for (int threads : {1, 3}) {
    set_pool_threads(threads);
    products();
    rounded_products();
    draws();
    experts();
    norms_and_gates();
    rotations();
    transforms();
    stages();
    appending();
    attention();
    attention_over_halves();
    quantized_attention();
    halves();
    a_nan_stays();
  }
  return result();
}
