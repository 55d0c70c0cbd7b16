# What npm install builds (node-gyp), and the release addons of Linux (prebuildify); by g++ or clang. See the head of CMakeLists.txt for the others.
# gyp has no flags per file, so each instruction set beyond the baseline is a static library of its own.
{
  'variables': {
    # Kernels throw nothing, and need no tables by which an exception would unwind them.
    'kernels': ['-fno-exceptions', '-fno-unwind-tables', '-fno-asynchronous-unwind-tables'],
    'optimize%': '-O3'  # scripts/prebuild.sh asks for another
  },
  'target_defaults': {
    'include_dirs': [
      '<!(node -p "require(\'node-addon-api\').include_dir")'
    ],
    'defines': [
      'LANEWISE_VERSION=<!(node -p "require(\'./package.json\').version")',
      'NAPI_VERSION=8', 'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS', 'NDEBUG',
      # A worker that is being ended can throw nothing any more: without this the process would end with it.
      'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
    # Node's own choices, and ours.
    'cflags_cc!': [
      '-fno-rtti', '-fno-exceptions', '-fno-strict-aliasing',
      '-std=gnu++14', '-std=gnu++1y', '-std=gnu++17', '-std=gnu++20', '-std=gnu++23'
    ],
    'cflags_cc': [
      '-std=c++17', '<(optimize)', '-fPIC', '-pthread', '-Wall', '-Wextra',
      '-ffp-contract=off', '-fno-math-errno', '-fvisibility=hidden', '-fvisibility-inlines-hidden',
      '-fno-lto'
    ],
    # Evaluated last, so that these win over the settings of Node's common.gypi.
    'target_conditions': [
      ['OS=="mac"', {
        'xcode_settings': {
          'MACOSX_DEPLOYMENT_TARGET': '11.0',
          'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
          'CLANG_CXX_LIBRARY': 'libc++',
          'GCC_ENABLE_CPP_EXCEPTIONS': 'YES',
          'GCC_ENABLE_CPP_RTTI': 'YES',
          'GCC_OPTIMIZATION_LEVEL': '3',
          'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
          'LLVM_LTO': 'NO',
          'OTHER_CFLAGS!': ['-fno-strict-aliasing'],
          'OTHER_CPLUSPLUSFLAGS': ['-ffp-contract=off', '-fno-math-errno', '-fvisibility-inlines-hidden']
        }
      }]
    ],
    'configurations': {
      'Release': { 'cflags!': ['-fno-omit-frame-pointer'] }
    }
  },
  'targets': [
    {
      'target_name': 'lanewise',
      'sources': [
        'native/addon.cpp',
        'native/demangle.cpp',
        'native/tape.cpp'
      ],
      'dependencies': ['lanewise_small', 'lanewise_scalar'],
      'conditions': [
        ['target_arch=="x64"', {
          'dependencies': ['lanewise_avx2', 'lanewise_avx512']
        }, {
          'dependencies': ['lanewise_neon']
        }],
        ['OS=="linux"', {
          'ldflags': [
            '-static-libstdc++', '-static-libgcc', '-pthread',
            '-Wl,-z,nodelete',  # see keepLoaded in native/pool.cpp
            '-Wl,--version-script=../native/exports.map'  # from build/: a whole path may have spaces
          ]
        }]
      ]
    },
    {
      'target_name': 'lanewise_small',
      'type': 'static_library',
      'sources': ['native/cpu.cpp', 'native/pool.cpp', 'native/scratch.cpp', 'native/sharing.cpp', 'native/signature.cpp'],
      # Smaller, and as fast. (addon.cpp and tape.cpp are not: 25 ns an eager op.)
      'cflags_cc': ['-Os']
    },
    {
      'target_name': 'lanewise_scalar',
      'type': 'static_library',
      'sources': ['native/isa/scalar.cpp'],
      # A third of the size, and as fast.
      'cflags': ['<@(kernels)'],
      'cflags_cc': ['-Os']
    }
  ],
  'conditions': [
    ['target_arch=="x64"', {
      'targets': [
        {
          'target_name': 'lanewise_avx2',
          'type': 'static_library',
          'sources': ['native/isa/avx2.cpp'],
          'cflags': ['<@(kernels)'],
          'cflags_cc': ['-mavx2', '-mfma'],
          'xcode_settings': { 'OTHER_CPLUSPLUSFLAGS': ['-mavx2', '-mfma'] }
        },
        {
          'target_name': 'lanewise_avx512',
          'type': 'static_library',
          'sources': ['native/isa/avx512.cpp'],
          'cflags': ['<@(kernels)'],
          'cflags_cc': [
            '-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma', '-mprefer-vector-width=512'
          ],
          'xcode_settings': {
            'OTHER_CPLUSPLUSFLAGS': [
              '-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma', '-mprefer-vector-width=512'
            ]
          }
        }
      ]
    }, {
      'targets': [
        {
          'target_name': 'lanewise_neon',
          'type': 'static_library',
          'sources': ['native/isa/neon.cpp'],
          'cflags': ['<@(kernels)']
        }
      ]
    }]
  ]
}
