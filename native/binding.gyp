{
  'targets': [
    {
      'target_name': 'plumbline',
      'sources': [
        'addon/addon.cc',
        'addon/detached.cc',
        'addon/netns.cc',
        'addon/poll.cc',
        'addon/socket.cc',
        'addon/threads.cc',
        'addon/unix.cc',
      ],
      'defines': [
        'NAPI_VERSION=8', 'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED',
        # An environment that is ending takes no exceptions; without this they would abort the process.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      'cflags!': ['-O3'],
      'cflags_cc': [
        '-std=c++17', '-O2', '-fno-exceptions', '-fvisibility=hidden', '-Wall', '-Wextra', '-Werror',
        # As a system directory, so that warnings are for our own code.
        '-isystem', '<!(node -p "path.dirname(require.resolve(\'node-addon-api/napi.h\'))")',
      ],
    },
  ],
}
