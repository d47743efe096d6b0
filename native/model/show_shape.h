// A shape as messages have it: (2, 3).
#pragma once

#include <mlx/mlx.h>

#include <sstream>
#include <string>

namespace tether {

inline std::string show_shape(const mlx::core::Shape& shape) {
  std::ostringstream out;
  out << "(";
  for (size_t i = 0; i < shape.size(); i++) out << (i ? ", " : "") << shape[i];
  out << ")";
  return out.str();
}

}  // namespace tether
