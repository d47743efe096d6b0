// Where a LoRA adapter lies and what it has for each layer, as its adapter_config.json says: plain data.
#pragma once

#include <string>
#include <vector>

namespace tether {

// What an adapter's file has for one linear layer, by the names of its tensors.
struct AdapterPart {
  std::string layer;  // such as layers.0.self_attn.q_proj: as the model's own, without what comes before the layers
  std::string a;
  std::string b;
  float scale;  // what it adds to the product of x is scale * (x a) b
};

struct AdapterSource {
  std::string path;  // of its folder, for messages
  std::string file;  // absolute path of the .safetensors file
  // Whether a is stored as (rank, in) and b as (out, rank), as PEFT does; else they are (in, rank) and (rank, out).
  bool transposed = false;
  std::vector<AdapterPart> parts;
  // The last parts of the names of the layers that all have to be there, such as q_proj, among the last so many layers
  // of the model; 0: among all. Empty: it is not known which have to be.
  std::vector<std::string> modules = {};
  int last_layers = 0;
};

}  // namespace tether
