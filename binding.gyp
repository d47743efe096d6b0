{
  # A second door to the CMake build, for node-gyp and for tools that look for this file.
  "targets": [
    {
      "target_name": "tether",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["build/Release/tether.node"],
          "action": ["node", "scripts/build.mjs", "--native"]
        }
      ]
    }
  ]
}
