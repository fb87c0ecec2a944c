{
  # No sources here: the CMake build is the only one. node-gyp and prebuildify come through this target.
  'targets': [
    {
      'target_name': 'ggclip',
      'type': 'none',
      'actions': [
        {
          'action_name': 'cmake',
          'inputs': ['CMakeLists.txt', 'scripts/gyp-cmake.cjs'],
          'outputs': ['<(PRODUCT_DIR)/ggclip.node'],
          'action': ['node', 'scripts/gyp-cmake.cjs', '<(PRODUCT_DIR)/ggclip.node'],
        },
      ],
    },
  ],
}
